import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** One e-mail as it came. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A mail server on a free port, that can be told to refuse. */
export async function startMailServer() {
  const mails: Mail[] = [];
  /** Who has shown a password. */
  const logins: string[] = [];
  const faults = { refused: 0 };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth({ username, password }, _session, done) {
      logins.push(String(username));
      if (username === 'sluice' && password === 'mail-secret') done(null, { user: username });
      else done(new Error('wrong password'));
    },
    onData(stream, session, done) {
      stream.toArray().then((chunks: Buffer[]) => {
        if (faults.refused > 0) {
          faults.refused -= 1;
          return done(Object.assign(new Error('try later'), { responseCode: 451 }));
        }
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: unfold(Buffer.concat(chunks).toString('utf8')),
        });
        done();
      }, done);
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://sluice:mail-secret@127.0.0.1:${port}`,
    mails,
    logins,
    faults,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** Undoes what e-mail does to long lines. */
function unfold(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\r\n[ \t]+/g, ' ');
}

/** A webhook that takes JSON on a free port, and can be told to refuse, or to answer only after something else. */
export async function startWebhook() {
  const bodies: { text: string }[] = [];
  const faults: { refused: number; answersAfter?: Promise<void> } = { refused: 0 };
  const server = createServer((request, response) => {
    request.toArray().then(async (chunks: Buffer[]) => {
      if (faults.refused > 0) {
        faults.refused -= 1;
        response.writeHead(503).end('try later');
        return;
      }
      bodies.push(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      await faults.answersAfter;
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/services/T000/B000/webhook-secret`,
    bodies,
    faults,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
