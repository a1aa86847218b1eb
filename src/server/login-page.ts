import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; min-height: 100vh; margin: 0; place-items: center; background: Canvas; color: CanvasText; }
main { box-sizing: border-box; width: min(24rem, 100%); padding: 1.5rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; }
label { display: block; margin-bottom: .25rem; font-weight: 600; }
input, button { box-sizing: border-box; width: 100%; padding: .6rem .75rem; border-radius: .4rem; font: inherit; }
input { border: 1px solid light-dark(#767676, #949494); background: Field; color: FieldText; }
button { margin-top: 1rem; border: 0; background: light-dark(#0b57d0, #a8c7fa); color: light-dark(#fff, #062e6f); font-weight: 600; cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: 2px; }
[role='alert'] { padding: .6rem .75rem; border-left: .25rem solid; color: light-dark(#b3261e, #f2b8b5); }
`;

/** What the login page may do: show itself and send its form to this server; no script, no frame, nothing from elsewhere. */
export const LOGIN_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The page on which an operator logs in.
 *
 * @param next The path that is gone on to
 * @param problem Why the last attempt did not do
 */
export function loginPage({ next, problem }: { next: string; problem?: string }): string {
  const told = problem === undefined ? '' : `<p role="alert" id="problem">${escapeHtml(problem)}</p>`;
  const describedBy = problem === undefined ? '' : ' aria-invalid="true" aria-describedby="problem"';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Log in - Sluice</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Sluice</h1>
${told}
<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="token">Admin token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus${describedBy}>
<button>Log in</button>
</form>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
