import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import '../shared/theme.css';
import './upload.css';
import { belongsTo } from './ace-ids.ts';
import { createCancellations } from './cancellations.ts';
import { createFileHandles } from './file-handles.ts';
import { firstLanguage, LANGUAGES, WordsProvider, wordsIn } from './language.ts';
import { type Link, readLink } from './link.ts';
import { createMemory } from './memory.ts';
import { readServer } from './server.ts';
import { UploadPage } from './upload-page.tsx';
import { createUploads, type Uploads } from './uploads.ts';

/** Until the server is asked again where to upload to, in milliseconds. */
const AGAIN_MS = 3000;

const root = document.getElementById('app');
if (root !== null) {
  render(<App link={readLink(location)} />, root);
}

/** The page in a language, which its reader may change at any time. */
function App({ link }: { link: Link }) {
  const [words, setWords] = useState(() => wordsIn(firstLanguage(link.language)));
  const uploads = useUploads(link);

  useEffect(() => {
    const { documentElement } = document;
    documentElement.lang = words.language;
    documentElement.dir = words.direction;
    document.title = words.say('page.title');
  }, [words]);

  function choose(language: string): void {
    setWords(wordsIn(language));
    // When the page is opened anew it is in this language again.
    const address = new URL(location.href);
    address.searchParams.set('lang', language);
    history.replaceState(null, '', address);
  }

  return (
    <WordsProvider value={words}>
      <main class="page">
        {uploads === undefined ? <h1>{words.say('page.title')}</h1> : null}
        {uploads === 'unreachable' && (
          <>
            <h1>{words.say('page.title')}</h1>
            <p role="alert" class="problem">
              {words.say('page.unreachable')}
            </p>
          </>
        )}
        {typeof uploads === 'object' && <UploadPage uploads={uploads} />}
        <label class="language small">
          {words.say('page.language')}
          <select value={words.language} onChange={(event) => choose(event.currentTarget.value)}>
            {LANGUAGES.map(({ tag, name }) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </main>
    </WordsProvider>
  );
}

/** Asks the server until it says where to upload to. */
function useUploads(link: Link): Uploads | 'unreachable' | undefined {
  const [uploads, setUploads] = useState<Uploads | 'unreachable'>();
  useEffect(() => {
    const ask = () =>
      readServer().then(
        (server) => {
          const cancellations = createCancellations({
            storage: localStorage,
            isOwn: (aceId) => link.aceId === undefined || belongsTo(link.aceId, aceId),
            token: link.token,
          });
          const memory = createMemory(localStorage);
          const handles = createFileHandles(globalThis.indexedDB);
          setUploads(createUploads({ server, link, memory, handles, cancellations }));
        },
        () => {
          setUploads('unreachable');
          setTimeout(ask, AGAIN_MS);
        },
      );
    void ask();
  }, []);
  return uploads;
}
