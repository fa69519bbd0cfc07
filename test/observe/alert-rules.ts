/** The rules for Prometheus and the board for Grafana as their files have them, and which metrics they ask for. */

import { parse } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from '../source-files.ts';

export const ALERTS_FILE = 'deploy/prometheus/alerts.yml';
export const BOARD_FILE = 'deploy/grafana/clipyard.json';

const rulesSchema = z.object({
  groups: z.tuple([
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.object({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.object({ summary: z.string() }),
        }),
      ),
    }),
  ]),
});

const boardSchema = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});

/** The rules, in their order. */
export function readAlertRules() {
  return rulesSchema.parse(parse(readProjectFile(ALERTS_FILE))).groups[0].rules;
}

/** The questions of the board. */
export function readBoardQuestions(): readonly string[] {
  return boardSchema
    .parse(JSON.parse(readProjectFile(BOARD_FILE)))
    .panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

/** A metric that is asked for, and the labels that are asked of it. */
export interface AskedMetric {
  readonly name: string;
  readonly labels: readonly string[];
}

const SELECTOR = /\b((?:clipyard|temporal)_[a-z0-9_]+)(?:\{([^}]*)\})?/g;
/** What Prometheus adds by itself. */
const ADDED = ['instance', 'job', 'le'];

/** All metrics that a question in PromQL asks for, a histogram by its own name. */
export function metricsAskedFor(question: string): readonly AskedMetric[] {
  const grouped = [...question.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
  return [...question.matchAll(SELECTOR)].map(([, name = '', selected = '']) => {
    const matched = [...selected.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label);
    const labels = [...grouped, ...matched].filter((label) => !ADDED.includes(label));
    return { name: name.replace(/_bucket$/, ''), labels: [...new Set(labels)] };
  });
}
