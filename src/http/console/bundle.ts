/** The console's files, read once: modules as compiled, what they import, style, fonts and the page that loads them. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface ConsoleFile {
  readonly bytes: Buffer;
  /** Null where it is packed already. */
  readonly gzipped: Buffer | null;
  readonly contentType: string;
  readonly etag: string;
}

export interface ConsoleBundle {
  /** By path below `/console/`; each has the hash of all in its path, so none ever changes. */
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly page: ConsoleFile;
  /** The page's content security policy. */
  readonly policy: string;
}

export interface BundleOptions {
  /** Where package.json and the installed packages are. */
  readonly root: string;
  /** What the console's modules were compiled to. */
  readonly compiled: string;
  /** Where clips and pictures come from that are not fetched through us; null where all are. */
  readonly mediaOrigin: string | null;
}

/** Modules that the console imports by name: from where in which package. */
const PACKAGES: Readonly<Record<string, readonly [name: string, file: string]>> = {
  preact: ['preact', 'dist/preact.mjs'],
  'preact/hooks': ['preact', 'hooks/dist/hooks.mjs'],
  'preact/jsx-runtime': ['preact', 'jsx-runtime/dist/jsxRuntime.mjs'],
  '@preact/signals': ['@preact/signals', 'dist/signals.mjs'],
  '@preact/signals-core': ['@preact/signals-core', 'dist/signals-core.mjs'],
};
const FONTS = ['inter-latin-400-normal.woff2', 'inter-latin-600-normal.woff2'];
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.html': 'text/html; charset=utf-8',
};

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes);

function fileOf(name: string, bytes: Buffer): ConsoleFile {
  const extension = extname(name);
  return {
    bytes,
    gzipped: extension === '.woff2' ? null : gzipSync(bytes, { level: 9 }),
    contentType: TYPES[extension] ?? 'application/octet-stream',
    etag: `"${sha256(bytes).digest('base64url').slice(0, 22)}"`,
  };
}

/** Everything that the page loads, by name. */
function readSources({ root, compiled }: BundleOptions): Map<string, Buffer> {
  // Not every package lets its own package.json be resolved, so the folders where it may be are gone through.
  const places = createRequire(join(root, 'package.json')).resolve.paths('any') ?? [];
  const packageFolder = (name: string) =>
    places.map((place) => join(place, name)).find((folder) => existsSync(folder)) ?? name;
  const found = new Map<string, Buffer>();
  for (const name of readdirSync(compiled, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (name.endsWith('.js')) found.set(name.split(sep).join('/'), readFileSync(join(compiled, name)));
  }
  for (const [name, [of, file]] of Object.entries(PACKAGES)) {
    // Maps of sources are neither served nor asked for.
    const text = readFileSync(join(packageFolder(of), file), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
    found.set(`packages/${name}.js`, Buffer.from(text));
  }
  for (const font of FONTS) found.set(font, readFileSync(join(packageFolder('@fontsource/inter'), 'files', font)));
  for (const name of ['style.css', 'icon.svg']) found.set(name, readFileSync(join(root, 'console', name)));
  return found;
}

function pageOf(base: string, names: readonly string[], imports: string): string {
  const modules = names.filter((name) => name.endsWith('.js') && name !== 'main.js');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Clipyard</title>
<link rel="icon" href="${base}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${base}style.css">
<script type="importmap">${imports}</script>
${modules.map((name) => `<link rel="modulepreload" href="${base}${name}">`).join('\n')}
<script type="module" src="${base}main.js"></script>
</head>
<body><div id="app"></div><noscript>The console needs JavaScript. Everything it shows is at <a href="/docs">our routes</a> as well.</noscript></body>
</html>
`;
}

/** Reads everything; throws where the console has not been compiled. */
export function readConsole(options: BundleOptions): ConsoleBundle {
  const sources = readSources(options);
  const hash = createHash('sha256');
  for (const [name, bytes] of sources) hash.update(`${name}\n${bytes.length}\n`).update(bytes);
  const folder = `assets/${hash.digest('hex').slice(0, 12)}/`;
  const base = `/console/${folder}`;
  const imports = JSON.stringify({
    imports: Object.fromEntries(Object.keys(PACKAGES).map((name) => [name, `${base}packages/${name}.js`])),
  });
  const files = new Map([...sources].map(([name, bytes]) => [folder + name, fileOf(name, bytes)]));
  const media = options.mediaOrigin === null ? '' : ` ${options.mediaOrigin}`;
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${sha256(imports).digest('base64')}'`,
    "style-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    `img-src 'self' blob:${media}`,
    `media-src 'self'${media}`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { files, page: fileOf('index.html', Buffer.from(pageOf(base, [...sources.keys()], imports))), policy };
}
