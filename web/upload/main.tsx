import { render } from 'preact';
import '../shared/theme.css';
import './upload.css';
import { readLink } from './link.ts';
import { createMemory } from './memory.ts';
import { readServer } from './server.ts';
import { UploadPage } from './upload-page.tsx';
import { createUploads } from './uploads.ts';

const root = document.getElementById('app');
if (root !== null) {
  const show = () =>
    readServer().then(
      (server) => {
        const uploads = createUploads({
          server,
          link: readLink(location),
          memory: createMemory(localStorage),
        });
        render(<UploadPage uploads={uploads} />, root);
      },
      () => {
        render(
          <main class="page">
            <h1>Upload a recording</h1>
            <p role="alert" class="problem">
              The server cannot be reached. It is tried again in a few seconds.
            </p>
          </main>,
          root,
        );
        setTimeout(show, 3000);
      },
    );
  void show();
}
