import type { ReceivedAnnouncement } from './announcement.ts';

/** The academy's whole website: a list of the announcements it has received, newest first. */
export function renderPage(announcements: readonly ReceivedAnnouncement[]): string {
  const rows = announcements
    .toReversed()
    .map(
      ({ id, type, receivedAtMs, isValid, body }) =>
        `<tr>${[new Date(receivedAtMs).toISOString(), type, id, isValid ? 'valid' : 'refused']
          .map((cell) => `<td>${escapeHtml(cell)}</td>`)
          .join('')}<td><pre>${escapeHtml(JSON.stringify(body, null, 2) ?? '')}</pre></td></tr>`,
    );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Academy</title>
<h1>Recordings announced</h1>
<p>${announcements.length} received</p>
<table>
<tr><th>received</th><th>type</th><th>id</th><th>signature</th><th>body</th></tr>
${rows.join('\n')}
</table>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
