/** The documented rules that Clipyard obeys, each with its row id: the list stands here once. */

import { A4F_ROWS } from './rows/a4f.ts';
import { AI_GATEWAY_ROWS } from './rows/ai-gateway.ts';
import { AIRFORCE_ROWS } from './rows/airforce.ts';
import { AIRFORCE_2024_ROWS } from './rows/airforce-2024.ts';
import { INFRAI_ROWS } from './rows/infrai.ts';
import { OPENAI_ROWS } from './rows/openai.ts';
import { RULINGS } from './rows/rulings.ts';

/** A rule in our words; `untested` is the reason where no test can hold it. */
export type Row = string | { readonly rule: string; readonly untested: string };

/** By row id, in the order of their document. */
export type Rows = Readonly<Record<string, Row>>;

/** The rules by the document they come from. */
export const CHAPTERS: readonly { readonly title: string; readonly rows: Rows }[] = [
  { title: 'api.airforce, current revision', rows: AIRFORCE_ROWS },
  { title: 'api.airforce, older revision', rows: AIRFORCE_2024_ROWS },
  { title: 'infrai', rows: INFRAI_ROWS },
  { title: 'a4f', rows: A4F_ROWS },
  { title: 'OpenAI-style videos', rows: OPENAI_ROWS },
  { title: 'AI SDK gateway', rows: AI_GATEWAY_ROWS },
  { title: 'Contradictions and gaps', rows: RULINGS },
];
