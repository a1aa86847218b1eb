import { resolve } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import { loadZoomAccounts } from './accounts.ts';
import type { ZoomDefaults } from './plan.ts';
import { zoomSettings } from './settings.ts';

const {
  ZOOM_ACCOUNTS_FILE,
  ZOOM_RULES_FILE,
  ZOOM_VIEWS,
  ZOOM_COMPANIONS,
  ZOOM_CAPTIONS_LANGUAGE,
  ZOOM_DELAY,
} = zoomSettings;

/** The settings that decide what is brought home of a meeting, and how. */
const environment = z.object({
  DATA_DIR: z.string(),
  ZOOM_ACCOUNTS_FILE,
  ZOOM_RULES_FILE,
  ZOOM_VIEWS,
  ZOOM_COMPANIONS,
  ZOOM_CAPTIONS_LANGUAGE,
  ZOOM_DELAY,
});

/** Those settings as they are used. */
export function zoomPlanning(e: z.infer<typeof environment>) {
  const defaults: ZoomDefaults = {
    views: e.ZOOM_VIEWS,
    companions: e.ZOOM_COMPANIONS,
    language: e.ZOOM_CAPTIONS_LANGUAGE,
    delayMs: e.ZOOM_DELAY * 1000,
  };
  return {
    accountsFile: e.ZOOM_ACCOUNTS_FILE === undefined ? undefined : resolve(e.ZOOM_ACCOUNTS_FILE),
    rulesFile: {
      path: resolve(e.ZOOM_RULES_FILE ?? `${e.DATA_DIR}/zoom-rules.yaml`),
      isRequired: e.ZOOM_RULES_FILE !== undefined,
    },
    defaults,
  };
}

/**
 * The accounts with their rules, and what goes where no rule speaks; needs no other setting to be right.
 *
 * @param rulesFile In place of all rules of the settings.
 * @throws KnownError `CONFIG_INVALID`
 */
export function loadZoomPlanning(
  env: Readonly<Record<string, string | undefined>>,
  rulesFile: string | undefined,
) {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = environment.safeParse(present);
  if (!parsed.success) {
    throw new KnownError(`The settings are not right:\n${z.prettifyError(parsed.error)}`, {
      code: 'CONFIG_INVALID',
    });
  }
  const planning = zoomPlanning(parsed.data);
  const files =
    rulesFile === undefined
      ? planning
      : { accountsFile: undefined, rulesFile: { path: resolve(rulesFile), isRequired: true } };
  const accounts = loadZoomAccounts({ ...files, secretTokens: [], credentials: undefined });
  return { accounts, defaults: planning.defaults };
}
