/* What the page of GraphiQL takes of packages that bring no types of their own, or types of others. */

declare module 'react' {
  export function createElement(component: unknown, props: object): unknown;
}

declare module 'react-dom/client' {
  export function createRoot(element: HTMLElement): { render(what: unknown): void };
}
