/** The address of what lies at a path below another one: folders and a name, whatever signs are in them. */
export function addressBelow(url: string, path: string): string {
  return `${url}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
