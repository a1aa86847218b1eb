import { exampleEnvironment } from '../../src/config/example.ts';
import { errorsPage } from './errors-page.ts';
import { openApiPage } from './openapi-page.ts';

/** A file that is written from the code and never by hand; `path` is relative to the project's folder. */
export interface Page {
  readonly path: string;
  readonly text: () => string | Promise<string>;
}

/** Every page that is written from the code. */
export const PAGES: readonly Page[] = [
  { path: '.env.example', text: exampleEnvironment },
  { path: 'docs/errors.md', text: errorsPage },
  { path: 'docs/openapi.json', text: openApiPage },
];
