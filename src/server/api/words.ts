import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ServiceWords } from '../../domain/services.ts';
import { SERVICES, SOURCE_WORDS } from '../../outside/words.ts';
import { problems } from '../routes/problems.ts';

const named = z.record(z.string(), z.string());

const wordsView = z
  .object({
    sources: named.describe('Where recordings come from'),
    services: named.describe('What is depended on, by the names in /api/status'),
    stores: named.describe('Where recordings are archived'),
    publishers: named.describe('Where videos are published'),
  })
  .meta({ id: 'Words', description: 'What people call things, by the names that the API has for them' });
export type WordsView = z.output<typeof wordsView>;

/** `GET /api/words`: what people call what the API names. */
export function addWordsApi(app: FastifyInstance): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/words',
    {
      schema: {
        tags: ['health'],
        operationId: 'getWords',
        summary: 'What people call sources, services, stores and publishers',
        response: { 200: wordsView, ...problems(401) },
      },
    },
    async () => WORDS,
  );
}

const WORDS: WordsView = {
  sources: { ...SOURCE_WORDS },
  services: namesBy('service'),
  stores: namesBy('store'),
  publishers: namesBy('publisher'),
};

function namesBy(field: 'service' | 'store' | 'publisher'): Record<string, string> {
  return Object.fromEntries(
    SERVICES.all.flatMap((words: ServiceWords) => {
      const key = words[field];
      return key === undefined ? [] : [[key, words.name]];
    }),
  );
}
