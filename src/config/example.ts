import { z } from 'zod';
import { settings } from './settings.ts';

const HEADER = `# Every setting of Sluice. Copy this file (install -m 600 .env.example .env) and fill in what has no default.
# A line that begins with # shows a default, or a setting that may stay unset.
`;

const SECTIONS: Readonly<Record<string, string>> = {
  DATA_DIR: 'Storage',
  PIPELINE_HOST: 'Processes',
  ADMIN_TOKEN: 'Operators',
  MEDIA_IN: 'Inputs and media output',
  TASKS_DIR: 'Recipes and tasks',
  EXECUTOR: 'Steps that are done elsewhere',
  ZOOM_WEBHOOK_SECRET_TOKEN: 'Zoom',
  B2_KEY_ID: 'Backblaze B2',
  FOLDER_STORE: 'Folder store',
  S3_ENDPOINT: 'S3',
  BUNNY_LIBRARY_ID: 'Bunny Stream',
  FOLDER_PUBLISHER: 'Folder of published videos',
  SITE_WEBHOOK_URL: 'The website',
  UPLOAD_PUBLIC_URL: 'Uploads of tutors',
  RETRY_ATTEMPTS: 'The line',
  TRANSFER_IDLE_TIMEOUT_S: 'Transfers',
};

/** What most have to fill in, though there is another way or a default. */
const ASKED: readonly string[] = ['ZOOM_WEBHOOK_SECRET_TOKEN', 'B2_BUCKET'];

/** The text of `.env.example`: every setting with its default and one line of meaning. */
export function exampleEnvironment(): string {
  const lines = Object.entries(settings).flatMap(([name, rule]) => {
    const section = SECTIONS[name];
    const meaning = z.globalRegistry.get(rule)?.description ?? '';
    const isRequired = !hasDefault(rule) && !(rule instanceof z.ZodOptional);
    const isAsked = isRequired || ASKED.includes(name);
    const assignment = `${isAsked ? '' : '#'}${name}=${defaultText(rule)}`;
    return [
      ...(section ? ['', `## ${section}`] : []),
      '',
      `# ${meaning}${isRequired ? ' (required)' : ''}`,
      assignment,
    ];
  });
  return `${HEADER}${lines.join('\n')}\n`;
}

/** The default of a setting as it stands in `.env.example`; nothing if it has none. */
export function defaultText(rule: z.ZodType): string {
  return hasDefault(rule) ? [rule.def.defaultValue].flat().map(written).join(',') : '';
}

/** Whether it has a default, read as it is or as the text of an environment. */
function hasDefault(rule: z.ZodType): rule is z.ZodDefault | z.ZodPrefault {
  return rule instanceof z.ZodDefault || rule instanceof z.ZodPrefault;
}

/** As people write it. */
function written(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
