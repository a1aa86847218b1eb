import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../lib/root.ts';

/** The colours of all pages. Where they are not there a page is as the browser has it. */
export const THEME = read(join(ROOT, 'web/shared/theme.css'));

const STYLE = `${THEME}
body.plain { display: grid; place-items: center; }
.plain main { width: min(27rem, 100%); padding: 1.5rem 1rem; }
.plain .brand { display: flex; align-items: center; gap: 0.6rem; margin-bottom: 1rem; font-weight: 650; font-size: 1.125rem; }
.plain .brand rect { fill: var(--accent); }
.plain .brand path { fill: none; stroke: var(--on-accent); stroke-width: 3; stroke-linecap: round; }
.plain .card { display: grid; gap: 1rem; overflow-wrap: anywhere; }
.plain form { display: grid; gap: 0.75rem; }
.plain label { font-weight: 550; }
.plain [role='alert'] { padding: 0.6rem 0.75rem; border-radius: 8px; background: var(--bad-soft); color: var(--bad); }
`;

/** The sign of Sluice. */
export const BRAND = `<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M7 12c3-3 6-3 9 0s6 3 9 0M7 20c3-3 6-3 9 0s6 3 9 0"/></svg>`;

/**
 * What a page with this style may do: show itself, and send its forms to this server where it has some; no script, no
 * frame, nothing from elsewhere.
 */
export function stylePolicy(style: string, { hasForm = false } = {}): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    `form-action ${hasForm ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export const PLAIN_PAGE_POLICY = stylePolicy(STYLE, { hasForm: true });

/** A page of a few words that needs no script and none of the built files; `content` is HTML. */
export function plainPage({ title, content }: { title: string; content: string }): string {
  return `${pageHead({ title: `${title} · Sluice`, style: STYLE })}
<body class="plain">
<main>
<p class="brand">${BRAND}Sluice</p>
<div class="card">
${content}
</div>
</main>
</body>
</html>
`;
}

/** How a page begins that is written here, up to its body. */
export function pageHead({ title, style }: { title: string; style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
