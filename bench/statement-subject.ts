/** A catalog whose statements are heard, timed, explained and undone. */

import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import type { Db } from '../src/catalog/driver/database.ts';
import { findDatabaseError } from '../src/catalog/driver/database-error.ts';
import { SESSION_OPTIONS } from '../src/catalog/driver/postgres.ts';
import type { Comparison } from './benchmark.ts';
import { median } from './statistics.ts';

/** Something that the catalog is asked. */
export interface Question {
  readonly what: string;
  readonly atMostMs: number;
  /** Comes before it, and is not measured. */
  readonly prepare?: (tx: Db) => Promise<unknown>;
  /** @param run a number of its own for each asking, so that not always the same is asked for */
  readonly ask: (tx: Db, run: number) => Promise<unknown>;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly ms: number;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Total Time': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly PlanNode[];
}

const RUNS = 15;
/** Statements far beyond their bar are not asked so often. */
const FEWEST_RUNS = 3;
const LONGEST_MS = 4000;
/** What does not end in time is given up, as the sweep gives it up. */
const GIVEN_UP_MS = 30_000;
const QUERY_CANCELED = '57014';
/** How a transaction is kept, and not what is asked in it. */
const IS_FRAME = /^\s*(begin|savepoint|release|rollback|set local)/i;
const IS_WRITE = /\b(insert|update|delete)\b/i;

class Undone extends Error {}

function nodesOf(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** The top node, and the indexes and whole tables in which its time goes. */
function describePlan(top: PlanNode): string {
  const msByName = new Map<string, number>();
  for (const node of nodesOf(top)) {
    const whole = node['Node Type'] === 'Seq Scan' ? `all of ${node['Relation Name']}` : null;
    const name = node['Index Name'] ?? whole;
    if (name !== null) {
      msByName.set(name, (msByName.get(name) ?? 0) + node['Actual Total Time'] * node['Actual Loops']);
    }
  }
  const costly = [...msByName].toSorted(([, a], [, b]) => b - a).slice(0, 2);
  return [top['Node Type'], ...costly.map(([name]) => name)].join(', ');
}

export class StatementSubject {
  readonly client: pg.Client;
  readonly db: Db;
  #heard: Statement[] | null = null;

  constructor(url: string) {
    this.client = new pg.Client({ connectionString: url, options: SESSION_OPTIONS });
    const query = this.client.query.bind(this.client) as (...args: unknown[]) => Promise<unknown>;
    const heardQuery = async (...args: unknown[]) => {
      const fromMs = performance.now();
      const result = await query(...args);
      const [asked, values = []] = args as [string | { readonly text: string }, (readonly unknown[])?];
      const text = typeof asked === 'string' ? asked : asked.text;
      this.#heard?.push({ text, values, ms: performance.now() - fromMs });
      return result;
    };
    this.client.query = heardQuery as typeof this.client.query;
    this.db = drizzle(this.client);
  }

  async run(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.client.query(statement);
  }

  /** The median of its slowest statement, and how the server takes that one. */
  async measure(question: Question): Promise<Comparison> {
    const { what, atMostMs } = question;
    const told = { unit: 'ms', baseline: null, bar: { atMost: atMostMs } } as const;
    await this.client.query(`set statement_timeout = ${GIVEN_UP_MS}`);
    try {
      const { of, ms, statement } = await this.#findSlowest(question);
      const plan = await this.#explain(question, statement);
      return { ...told, what: of > 1 ? `${what} (slowest of ${of})` : what, ours: ms, plan };
    } catch (error) {
      if (findDatabaseError(error)?.code !== QUERY_CANCELED) throw error;
      return { ...told, what, ours: GIVEN_UP_MS, plan: 'given up' };
    }
  }

  async #findSlowest(question: Question) {
    const byText = new Map<string, Statement[]>();
    await this.#hear(question, RUNS);
    const untilMs = performance.now() + LONGEST_MS;
    for (let run = 0; run < RUNS && (run < FEWEST_RUNS || performance.now() < untilMs); run++) {
      for (const statement of await this.#hear(question, run)) {
        byText.set(statement.text, [...(byText.get(statement.text) ?? []), statement]);
      }
    }
    const medians = [...byText.values()].flatMap((all) => {
      const last = all.at(-1);
      return last ? [{ of: byText.size, ms: median(all.map(({ ms }) => ms)), statement: last }] : [];
    });
    const [slowest] = medians.toSorted((a, b) => b.ms - a.ms);
    if (!slowest) throw new Error(`${question.what} asks nothing`);
    return slowest;
  }

  /** The statements of one asking, with what the end of the transaction would do. */
  async #hear({ prepare, ask }: Question, run: number): Promise<readonly Statement[]> {
    const heard: Statement[] = [];
    await this.#undone(async (tx) => {
      await prepare?.(tx);
      this.#heard = heard;
      await ask(tx, run);
      if (heard.some(({ text }) => IS_WRITE.test(text))) await tx.execute(sql`set constraints all immediate`);
    });
    return heard.filter(({ text }) => !IS_FRAME.test(text));
  }

  /** Asked alone, a statement that goes on from what others of its transaction have changed may change nothing. */
  async #explain({ prepare }: Question, { text, values }: Statement): Promise<string> {
    if (!/^\s*(select|insert|update|delete|with|\()/i.test(text)) return 'triggers';
    let plan = '';
    await this.#undone(async (tx) => {
      await prepare?.(tx);
      const { rows } = await this.client.query(`explain (analyze, format json) ${text}`, [...values]);
      const [{ 'QUERY PLAN': explained }] = rows as [{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }];
      plan = describePlan(explained[0].Plan);
    });
    return plan;
  }

  async #undone(work: (tx: Db) => Promise<unknown>): Promise<void> {
    try {
      await this.db.transaction(async (tx) => {
        await work(tx);
        throw new Undone();
      });
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
    } finally {
      this.#heard = null;
    }
  }
}
