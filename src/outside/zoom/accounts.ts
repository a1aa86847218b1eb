import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import { readYamlFile } from '../../lib/yaml-file.ts';
import type { ZoomAccount, ZoomCredentials } from './account.ts';
import { readZoomRules } from './rules-file.ts';

const secret = z.string().trim().min(1);

const accountShape = z.strictObject({
  id: z.string().trim().min(1),
  webhook_secrets: z.array(secret).min(1),
  oauth: z.strictObject({ client_id: z.string().trim().min(1), client_secret: secret }).optional(),
  /** A path, from the folder of the accounts file. */
  rules: z.string().trim().min(1).optional(),
});

const fileShape = z.strictObject({
  accounts: z
    .array(accountShape)
    .min(1)
    .superRefine((accounts, context) => {
      accounts.forEach(({ id }, index) => {
        if (accounts.findIndex((other) => other.id === id) === index) return;
        context.addIssue({ code: 'custom', path: [index, 'id'], message: 'is there twice' });
      });
    }),
});

/** What the settings say about accounts. */
export interface ZoomAccountSettings {
  readonly accountsFile: string | undefined;
  /** Where rules are; a file that nobody named need not exist. */
  readonly rulesFile: { readonly path: string; readonly isRequired: boolean };
  /** Of the one account, where there is no file of accounts. */
  readonly secretTokens: readonly string[];
  readonly credentials: ZoomCredentials | undefined;
}

/**
 * The Zoom accounts of an installation with their rules: those of ZOOM_ACCOUNTS_FILE, or the one of the plain settings.
 *
 * @throws KnownError `CONFIG_INVALID`, which lists what is wrong in the first file that is not right
 */
export function loadZoomAccounts(zoom: ZoomAccountSettings): ZoomAccount[] {
  const sharedRules = rulesOf(zoom.rulesFile);
  if (zoom.accountsFile === undefined) {
    return [{ id: null, secrets: zoom.secretTokens, credentials: zoom.credentials, rules: sharedRules }];
  }
  const folder = dirname(resolve(zoom.accountsFile));
  return readYamlFile(zoom.accountsFile, fileShape).accounts.map((account) => ({
    id: account.id,
    secrets: account.webhook_secrets,
    credentials:
      account.oauth === undefined
        ? undefined
        : {
            accountId: account.id,
            clientId: account.oauth.client_id,
            clientSecret: account.oauth.client_secret,
          },
    rules:
      account.rules === undefined
        ? sharedRules
        : rulesOf({ path: resolve(folder, account.rules), isRequired: true }),
  }));
}

function rulesOf({ path, isRequired }: ZoomAccountSettings['rulesFile']) {
  if (existsSync(path)) return readZoomRules(path);
  if (!isRequired) return [];
  throw new KnownError(`The rules file ${path} does not exist`, { code: 'CONFIG_INVALID' });
}
