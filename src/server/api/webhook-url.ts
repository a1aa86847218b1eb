import { z } from 'zod';
import { MOST_WEBHOOK_URL_CHARACTERS, whyNoWebhook } from '../../domain/webhook-url.ts';

/** An address that announcements are sent to at somebody's wish. */
export const webhookUrl = z
  .string()
  .max(MOST_WEBHOOK_URL_CHARACTERS)
  .superRefine((text, context) => {
    const problem = whyNoWebhook(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
