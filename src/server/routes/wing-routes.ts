import type { FastifyInstance } from 'fastify';
import type { OpenAPIV3_1 } from 'openapi-types';

/** What the wing of an outside system adds to the server: the door that it knocks at, and what people ask of it through us. */
export interface WingRoutes {
  /** How the system signs what it sends, by the name that its routes have under `security`. */
  readonly signatures: Readonly<Record<string, OpenAPIV3_1.SecuritySchemeObject>>;
  /** Under which its routes are described, where they are not all doors. */
  readonly tags?: readonly OpenAPIV3_1.TagObject[];
  /** Adds the routes, each with a schema that describes it and with who may call it besides operators. */
  addTo(app: FastifyInstance): void;
}
