import type { FastifySchemaCompiler } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { KnownError } from '../domain/errors.ts';

/**
 * Checks what comes by a route's schema. What makes the check itself fail is refused like what it finds: zod compares
 * the `length` of whatever comes, and that of `{"length": {"toString": null}}` can be compared with nothing.
 */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route);
  return (value: unknown) => {
    try {
      return validate(value);
    } catch (cause) {
      return { error: new KnownError('A field cannot be read', { code: 'REQUEST_INVALID', cause }) };
    }
  };
};
