/** The benchmarks by name, in the order in which they run. */

import { archive } from './archive.ts';
import { base64 } from './base64.ts';
import { batch } from './batch.ts';
import type { Benchmark } from './benchmark.ts';
import { cluster } from './cluster.ts';
import { costs } from './costs.ts';
import { create } from './create.ts';
import { createBeside } from './create-beside.ts';
import { download } from './download.ts';
import { idle } from './idle.ts';
import { largeBatch } from './large-batch.ts';
import { largeBodies } from './large-bodies.ts';
import { makespan, makespanBatch, makespanStream } from './makespan.ts';
import { s3 } from './s3.ts';
import { scale } from './scale.ts';
import { status } from './status.ts';
import { streams } from './streams.ts';
import { waiting } from './waiting.ts';
import { webhooks } from './webhooks.ts';

export const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['create', create],
  ['create-beside', createBeside],
  ['status', status],
  ['large-bodies', largeBodies],
  ['archive', archive],
  ['s3', s3],
  ['base64', base64],
  ['download', download],
  ['idle', idle],
  ['makespan', makespan],
  ['makespan-stream', makespanStream],
  ['makespan-batch', makespanBatch],
  ['batch', batch],
  ['large-batch', largeBatch],
  ['waiting', waiting],
  ['webhooks', webhooks],
  ['streams', streams],
  ['scale', scale],
  ['costs', costs],
  ['cluster', cluster],
]);
