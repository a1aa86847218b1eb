import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Words } from '../../desk/words.ts';
import type { ServiceWords } from '../../domain/services.ts';
import { problems } from '../routes/problems.ts';

const namesView = z.record(z.string(), z.string());

const wordsView = z
  .object({
    sources: namesView.describe('Where recordings come from'),
    services: namesView.describe('What is depended on, by the names in /api/status'),
    stores: namesView.describe('Where recordings are archived'),
    publishers: namesView.describe('Where videos are published'),
  })
  .meta({ id: 'Words', description: 'What people call things, by the names that the API has for them' });
export type WordsView = z.output<typeof wordsView>;

/** `GET /api/words`: what people call what the API names. */
export function addWordsApi(app: FastifyInstance, { services, sources }: Words): void {
  const named = (field: 'service' | 'store' | 'publisher') => namesBy(field, services.all);
  const words: WordsView = {
    sources: { ...sources },
    services: named('service'),
    stores: named('store'),
    publishers: named('publisher'),
  };

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
    async () => words,
  );
}

function namesBy(
  field: 'service' | 'store' | 'publisher',
  services: readonly ServiceWords[],
): Record<string, string> {
  return Object.fromEntries(
    services.flatMap((words) => {
      const key = words[field];
      return key === undefined ? [] : [[key, words.name]];
    }),
  );
}
