/** What a key does to the player. */
export type KeyDeed =
  | 'toggle'
  | 'fill'
  | 'mute'
  | 'captions'
  | { readonly byS: number }
  | { readonly share: number }
  | { readonly louder: number };

const DEEDS: Readonly<Record<string, KeyDeed>> = {
  ' ': 'toggle',
  k: 'toggle',
  f: 'fill',
  m: 'mute',
  c: 'captions',
  ArrowLeft: { byS: -5 },
  ArrowRight: { byS: 5 },
  j: { byS: -10 },
  l: { byS: 10 },
  ArrowUp: { louder: 0.1 },
  ArrowDown: { louder: -0.1 },
};

/** What is pressed; nothing where it means something to what has the focus, or to the browser. */
export function keyDeed(event: KeyboardEvent): KeyDeed | undefined {
  const { key, target, altKey, ctrlKey, metaKey } = event;
  if (altKey || ctrlKey || metaKey || event.defaultPrevented) return undefined;
  const name = target instanceof Element ? target.localName : '';
  if (name === 'select' || (name === 'button' && key === ' ')) return undefined;
  if (/^\d$/.test(key)) return { share: Number(key) / 10 };
  return DEEDS[key.length === 1 ? key.toLowerCase() : key];
}
