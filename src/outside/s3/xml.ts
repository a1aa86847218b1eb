import { parseXml, type XmlElement, XmlNode } from '@rgrove/parse-xml';
import { z } from 'zod';

/** An element: its text, or what is in it by name, each as often as it is there. */
type Value = string | { readonly [name: string]: readonly Value[] };

/** What an element holds exactly once. */
export const one = <T extends z.ZodType>(shape: T) =>
  z
    .array(shape)
    .min(1)
    .transform(([value]) => value as z.output<T>);

/** The same, or nothing. */
export const maybe = <T extends z.ZodType>(shape: T) =>
  z
    .array(shape)
    .default([])
    .transform(([value]) => value as z.output<T> | undefined);

/** What it holds any number of times. */
export const many = <T extends z.ZodType>(shape: T) => z.array(shape).default([]);

/** The name of the outermost element and what is in it; `undefined` if it is not XML. */
export function readXml(text: string): { readonly name: string; readonly value: Value } | undefined {
  try {
    const { root } = parseXml(text.trim());
    return root === null ? undefined : { name: root.name, value: contentOf(root) };
  } catch {
    return undefined;
  }
}

function contentOf(element: XmlElement): Value {
  const inside = element.children.filter((child): child is XmlElement => child.type === XmlNode.TYPE_ELEMENT);
  if (inside.length === 0) return element.text;
  const values: Record<string, Value[]> = {};
  for (const child of inside) {
    values[child.name] ??= [];
    values[child.name]?.push(contentOf(child));
  }
  return values;
}
