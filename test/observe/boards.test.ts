/** The rules for Prometheus and the board for Grafana: they can be read, are loaded, and ask for what there is. */

import { parse } from 'yaml';
import { COUNTED, READ } from '../../src/observe/metrics/definitions.ts';
import { readProjectFile } from '../source-files.ts';
import { ALERTS_FILE, BOARD_FILE, metricsAskedFor, readAlertRules, readBoardQuestions } from './alert-rules.ts';

const KNOWN: Readonly<Record<string, { readonly labels: readonly string[] }>> = { ...COUNTED, ...READ };
const questions = [...readAlertRules().map(({ expr }) => expr), ...readBoardQuestions()];
const asked = questions.flatMap(metricsAskedFor);

test('each question asks for metrics of ours, with labels that they have', () => {
  const ours = asked.filter(({ name }) => !/^(clipyard_(process|nodejs)|temporal)_/.test(name));
  for (const { name, labels } of ours) {
    expect(Object.keys(KNOWN)).toContain(name);
    expect([name, labels.filter((label) => !KNOWN[name]?.labels.includes(label))]).toEqual([name, []]);
  }
  for (const question of questions) if (!question.startsWith('up{')) expect(metricsAskedFor(question)).not.toEqual([]);
});

test('the board shows every metric of ours', () => {
  const shown = readBoardQuestions().flatMap(metricsAskedFor);
  expect([...new Set(shown.map(({ name }) => name))]).toEqual(expect.arrayContaining(Object.keys(KNOWN)));
});

test('the compose file loads rules and board, and scrapes the port at which its processes serve metrics', () => {
  const { services } = parse(readProjectFile('docker-compose.yml'), { merge: true });
  const { rule_files: rules, scrape_configs: scraped } = parse(readProjectFile('deploy/prometheus/prometheus.yml'));
  const [{ names, port }] = scraped[0].dns_sd_configs;
  for (const name of names) expect(services[name].environment.CLIPYARD_METRICS_PORT).toBe(port);
  expect(rules.map((file: string) => `deploy/prometheus/${file}`)).toEqual([ALERTS_FILE]);
  expect(services.prometheus.volumes).toContain('./deploy/prometheus:/etc/prometheus:ro');
  const [board] = services.grafana.volumes.filter((volume: string) => volume.startsWith(`./${BOARD_FILE}:`));
  const { providers } = parse(readProjectFile('deploy/grafana/provisioning/dashboards/clipyard.yml'));
  expect(board).toBe(`./${BOARD_FILE}:${providers[0].options.path}/clipyard.json:ro`);
  const { datasources } = parse(readProjectFile('deploy/grafana/provisioning/datasources/prometheus.yml'));
  expect(datasources[0].url).toBe('http://prometheus:9090');
  for (const name of ['prometheus', 'grafana']) {
    expect(services[name].ports.every((port: string) => port.startsWith('127.0.0.1:'))).toBe(true);
  }
});
