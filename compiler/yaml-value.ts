/** YAML nodes as JSON. What JSON cannot hold, or a reader cannot see, is a problem. */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import type { Json } from '../core/json.js';
import type { Said } from './problem.js';

export type ReportAt = (offset: number, said: Said) => void;

/** Names that mean something to JavaScript objects and nothing in these files. */
const reservedKeys = new Set(['__proto__', 'constructor', 'prototype']);

export function readValue(node: Node | null, at: ReportAt): Json {
  if (node === null) return null;
  const offset = node.range?.[0] ?? 0;
  if (isAlias(node)) {
    at(offset, {
      code: 'yaml.alias',
      message: `"*${node.source}" stands for something written elsewhere`,
      nextStep: 'Write the value out here.',
    });
    return null;
  }
  if (node.anchor !== undefined) {
    at(offset, {
      code: 'yaml.anchor',
      message: `"&${node.anchor}" names this value for use elsewhere`,
      nextStep: 'Remove the name; write values out where they are used.',
    });
  }
  if (node.tag !== undefined) {
    at(offset, { code: 'yaml.tag', message: 'this value has a tag (!)', nextStep: 'Remove the tag.' });
    return null;
  }
  if (isSeq<Node>(node)) return node.items.map((item) => readValue(item, at));
  if (isMap<Node, Node | null>(node)) return readObject(node.items, at);
  return isScalar(node) ? readScalar(node, offset, at) : null;
}

function readObject(pairs: Pair<Node, Node | null>[], at: ReportAt): Json {
  const object: { [key: string]: Json } = {};
  for (const { key, value } of pairs) {
    const offset = key.range?.[0] ?? value?.range?.[0] ?? 0;
    if (!isScalar(key) || typeof key.value !== 'string' || key.value === '') {
      at(offset, {
        code: 'yaml.key',
        message: 'a key must be text',
        nextStep: 'Put it in quotes if it is meant to be text.',
      });
    } else if (reservedKeys.has(key.value)) {
      at(offset, { code: 'yaml.key', message: `"${key.value}" cannot be a key`, nextStep: 'Choose another name.' });
    } else if (Object.hasOwn(object, key.value)) {
      at(offset, {
        code: 'yaml.duplicate-key',
        message: `"${key.value}" is here twice`,
        nextStep: 'Keep one of the two.',
      });
    } else {
      if (key.anchor !== undefined || key.tag !== undefined) {
        at(offset, { code: 'yaml.anchor', message: 'a key has an anchor or a tag', nextStep: 'Remove it.' });
      }
      object[key.value] = readValue(value, at);
    }
  }
  return object;
}

function readScalar({ value }: Scalar, offset: number, at: ReportAt): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  at(offset, {
    code: 'yaml.number',
    message: 'this number cannot be held exactly',
    nextStep: 'Put it in quotes if it is a name or an id; otherwise use a number below 2^53.',
  });
  return null;
}
