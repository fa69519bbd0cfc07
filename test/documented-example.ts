/** The example of docs/upstreams.md: a made-up API, its description and the answers that were written down. */

import { parseDescription } from '../src/config/descriptions.ts';
import { readProjectFile } from './source-files.ts';

function block(language: string, beginning: string): string {
  const blocks = [
    ...readProjectFile('docs/upstreams.md').matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g')),
  ];
  const found = blocks.map(([, text = '']) => text).find((text) => text.startsWith(beginning));
  if (found === undefined)
    throw new Error(`docs/upstreams.md has no block of ${language} that begins with ${beginning}`);
  return found;
}

/** The description, as it stands there. */
export const EXAMPLE_YAML = block('yaml', 'name: kinora');
/** The recorded answers. */
export const EXAMPLE_ANSWERS = block('json', '{\n  "sends"');
/** The description, read. */
export const EXAMPLE = parseDescription(EXAMPLE_YAML, 'kinora.yaml');
