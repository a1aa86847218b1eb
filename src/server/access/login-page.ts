import { escapeHtml, plainPage } from '../pages/plain-page.ts';

/**
 * The page on which people log in.
 *
 * @param next The path that is gone on to
 * @param problem Why the last attempt did not do
 */
export function loginPage({ next, problem }: { next: string; problem?: string }): string {
  const told = problem === undefined ? '' : `<p role="alert" id="problem">${escapeHtml(problem)}</p>`;
  const isWrong = problem === undefined ? '' : ' aria-invalid="true"';
  const describedBy = problem === undefined ? 'which' : 'problem which';
  return plainPage({
    title: 'Log in',
    content: `<h1>Log in</h1>
${told}
<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus${isWrong} aria-describedby="${describedBy}">
<p class="small muted" id="which">It is <code>ADMIN_TOKEN</code> in the file <code>.env</code> on the server, or a token that
somebody has made for you.</p>
<button class="primary">Log in</button>
</form>`,
  });
}
