/** What docs/upstreams.md prints: what each shipped description can and cannot, and what fields are filled with. */

import { describeShipped } from '../../src/config/descriptions.ts';
import { FIELD_VALUES } from '../../src/wire/description-fields.ts';
import { code, printTable } from './table.ts';

const yes = (is: boolean) => (is ? 'yes' : 'no');

function printShipped(): string {
  const rows = describeShipped().map(({ name, title, baseUrl, abilities }) => {
    const { images, imagesBy, cancels, lists, honoursKey, tellsCost, lostAnswer } = abilities;
    return [
      code(name),
      title ?? '',
      code(baseUrl ?? ''),
      imagesBy === null ? 'none' : `${images} by ${imagesBy}`,
      yes(cancels),
      yes(lists),
      yes(honoursKey),
      yes(tellsCost),
      lostAnswer === 'onLostAnswer' ? code(lostAnswer) : lostAnswer,
    ];
  });
  const head = ['`api`', 'API', '`baseUrl`', 'images', 'cancel', 'list', 'idempotency', 'cost', 'a lost answer'];
  return printTable(head, rows);
}

function printFieldValues(): string {
  const rows = Object.entries(FIELD_VALUES).map(([value, meaning]) => [code(`$${value}`), meaning]);
  return printTable(['value', 'is'], rows);
}

/** The parts of docs/upstreams.md. */
export const UPSTREAM_PARTS = {
  'shipped descriptions': printShipped,
  'values of fields': printFieldValues,
};
