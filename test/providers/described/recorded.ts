/** The recorded answers of the shipped descriptions. */

import { type RecordedAnswers, recordedAnswers } from '../../../src/process/recorded-answers.ts';
import { readProjectFile } from '../../source-files.ts';

/** Those of one. */
export function readRecordedAnswers(name: string): RecordedAnswers {
  return recordedAnswers.parse(JSON.parse(readProjectFile(`test/upstreams/${name}/answers.json`)));
}
