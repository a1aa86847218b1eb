import { GraphiQL } from 'graphiql';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './graphiql.css';

const WELCOME = `# What lies below MEDIA_IN, and what is made of it.
{
  systemStatus { status version }
  assetsPage(first: 10) {
    nodes { id filename duration status jobs { status progress } }
    pageInfo { endCursor hasNextPage }
  }
}
`;

/** Asks as the dashboard does: a browser sends the session along, and says that this page is of the same server. */
async function fetcher(params: object): Promise<unknown> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  return await response.json();
}

const root = document.getElementById('app');
if (root !== null) createRoot(root).render(createElement(GraphiQL, { fetcher, defaultQuery: WELCOME }));
