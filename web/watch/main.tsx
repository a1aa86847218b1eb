import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import '../shared/theme.css';
import './watch.css';
import { createMemory } from './memory.ts';
import { Player } from './player.tsx';
import { type Answer, ask, readOpened } from './server.ts';

/** Until the server is asked again about what is not ready, or did not answer, in milliseconds. */
const AGAIN_MS = 4000;

const opened = readOpened(location);
const memory = createMemory(() => localStorage);

/** In a frame of another page only the video is shown. */
const isFramed = window.parent !== window;

const root = document.getElementById('app');
if (root !== null) {
  document.documentElement.classList.toggle('framed', isFramed);
  render(<App />, root);
}

function App() {
  const [answer, setAnswer] = useState<Answer>();
  const [asked, setAsked] = useState(0);
  /** How often addresses that were refused were asked for anew. */
  const [renewed, setRenewed] = useState(0);
  const view = answer?.kind === 'told' ? answer.view : undefined;
  const isSettled = answer?.kind === 'refused' || (view !== undefined && view.state !== 'preparing');

  useEffect(() => {
    let isOver = false;
    void ask(opened).then((next) => {
      if (!isOver) setAnswer(next);
    });
    return () => {
      isOver = true;
    };
  }, [asked, renewed]);

  useEffect(() => {
    if (answer === undefined || isSettled) return;
    const timer = setTimeout(() => setAsked((times) => times + 1), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [answer]);

  useEffect(() => {
    if (view !== undefined) document.title = view.title;
  }, [view?.title]);

  if (answer === undefined) return <main class="page" aria-busy="true" />;
  if (answer.kind === 'unreachable') {
    return (
      <Words title="This recording cannot be loaded just now.">
        It is tried again by itself in a moment.
      </Words>
    );
  }
  if (answer.kind === 'refused') return <Words title={answer.title}>{answer.advice}</Words>;
  const { title, state, percent, poster } = answer.view;
  if (state === 'ready' && answer.view.hls !== null) {
    return (
      <main class="page">
        <Player
          key={answer.number}
          id={opened.id}
          view={answer.view}
          address={answer.view.hls}
          memory={memory}
          isAgain={renewed > 0}
          onRefused={() => setRenewed((times) => times + 1)}
        >
          {!isFramed && <h1>{title}</h1>}
        </Player>
      </main>
    );
  }
  if (state === 'preparing') {
    return (
      <Words title={title} poster={poster} isLive>
        {percent === null ? (
          'It is not ready yet: it waits for its turn, or is just being brought here. This page goes on by itself.'
        ) : (
          <>
            It is still being encoded: {percent} %. This page goes on by itself.
            <progress max={100} value={percent} aria-label="Encoded" />
          </>
        )}
      </Words>
    );
  }
  const why = {
    failed: 'It could not be made ready to watch. Somebody has to look after it first.',
    gone: 'It is no longer here.',
    absent: 'There is nothing of it to watch here.',
    ready: 'It was not made for browsers to watch.',
  }[state];
  return <Words title={title}>{why}</Words>;
}

/** Words in the place of the video. */
function Words(props: {
  title: string;
  poster?: string | null;
  isLive?: boolean;
  children: preact.ComponentChildren;
}) {
  const { title, poster, isLive, children } = props;
  return (
    <main class="page">
      <section class="words">
        {poster && <img src={poster} alt="" />}
        <div>
          <h1>{title}</h1>
          <p role={isLive ? 'status' : undefined}>{children}</p>
        </div>
      </section>
    </main>
  );
}
