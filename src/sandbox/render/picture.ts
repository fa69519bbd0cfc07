/** The moving picture of a clip: colours from its prompt, drifting shapes, and what was asked for as text. */

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { type Canvas, createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas';

/** Everything a clip is made of: equal specs give equal bytes. */
export interface ClipSpec {
  readonly prompt: string;
  readonly model: string;
  readonly seed: string | null;
  readonly seconds: number;
  /** Such as 16:9. */
  readonly aspectRatio: string;
}

/** Width and height in pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

const FONT_FAMILY = 'Sandbox Inter';
const FONT_FILE = '@fontsource/inter/files/inter-latin-600-normal.woff2';
const SHAPES = 7;
const MARGIN = 18;

interface Shape {
  readonly hue: number;
  readonly radius: number;
  /** Where on its path it starts, and how fast it goes along each axis, in radians. */
  readonly phase: number;
  readonly speedX: number;
  readonly speedY: number;
}

/** Draws one clip's frames, always onto the same canvas. */
export interface Picture {
  /** RGBA pixels of the frame at this time; valid until the next call. */
  draw(timeSeconds: number): Uint8Array;
}

/** Bytes that differ between prompts and seeds and are the same for equal ones. */
function traitsOf(spec: ClipSpec): Buffer {
  return createHash('sha256').update(`${spec.model}\n${spec.seed}\n${spec.prompt}`).digest();
}

function shapesOf(traits: Buffer, { height }: FrameSize): Shape[] {
  return Array.from({ length: SHAPES }, (_, index) => {
    const [a = 0, b = 0, c = 0, d = 0] = traits.subarray(index * 4, index * 4 + 4);
    return {
      hue: a * 1.4,
      radius: height * (0.04 + b / 2000),
      phase: (c / 255) * 2 * Math.PI,
      speedX: 0.4 + (d & 15) / 16,
      speedY: 0.3 + (d >> 4) / 16,
    };
  });
}

function drawBackground(traits: Buffer, { width, height }: FrameSize): Canvas {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const [first = 0, second = 0] = traits.subarray(28);
  const gradient = context.createLinearGradient(0, 0, width, height);
  gradient.addColorStop(0, `hsl(${first * 1.4}, 55%, 22%)`);
  gradient.addColorStop(1, `hsl(${second * 1.4}, 65%, 45%)`);
  context.fillStyle = gradient;
  context.fillRect(0, 0, width, height);
  return canvas;
}

/** Breaks a text into lines that fit; what is too long ends in an ellipsis. */
function wrap(context: SKRSContext2D, text: string, limits: { width: number; lines: number }): string[] {
  const lines: string[] = [];
  let rest = text.replace(/\s+/g, ' ').trim();
  while (rest !== '' && lines.length < limits.lines) {
    const fitting = fittingLength(context, rest, limits.width);
    const space = fitting < rest.length ? rest.lastIndexOf(' ', fitting) : fitting;
    const end = space > 0 ? space : fitting;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trim();
  }
  return rest === '' ? lines : [...lines.slice(0, -1), `${lines.at(-1)}…`];
}

function fittingLength(context: SKRSContext2D, text: string, width: number): number {
  // Longer texts fit no line, and measuring them whole would be slow.
  let length = Math.min(text.length, 120);
  while (length > 1 && context.measureText(text.slice(0, length)).width > width) length -= 1;
  return length;
}

function drawShapes(context: SKRSContext2D, shapes: readonly Shape[], at: FrameSize & { timeSeconds: number }): void {
  for (const { hue, radius, phase, speedX, speedY } of shapes) {
    const x = at.width * (0.5 + 0.4 * Math.cos(phase + at.timeSeconds * speedX));
    const y = at.height * (0.5 + 0.36 * Math.sin(phase * 2 + at.timeSeconds * speedY));
    context.fillStyle = `hsla(${hue}, 80%, 62%, 0.75)`;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** The words that stand still over the picture, drawn once: measuring and shaping text is slow. */
function drawCaption(spec: ClipSpec, size: FrameSize): Canvas {
  const canvas = createCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.font = `22px "${FONT_FAMILY}"`;
  const lines = wrap(context, spec.prompt, { width: size.width - 2 * MARGIN, lines: 3 });
  lines.forEach((line, index) => {
    context.fillText(line, MARGIN, MARGIN + 20 + index * 28);
  });
  context.font = `15px "${FONT_FAMILY}"`;
  const facts = [spec.model, spec.seed === null ? null : `seed ${spec.seed.slice(0, 20)}`, `${spec.seconds} s`];
  const factsText = facts.filter((fact) => fact !== null).join('  ·  ');
  context.fillText(factsText, MARGIN, size.height - MARGIN - 8);
  return canvas;
}

function drawClock(context: SKRSContext2D, spec: ClipSpec, at: FrameSize & { timeSeconds: number }): void {
  context.fillStyle = 'white';
  context.font = `15px "${FONT_FAMILY}"`;
  context.textAlign = 'right';
  context.fillText(`${at.timeSeconds.toFixed(1)} s`, at.width - MARGIN, at.height - MARGIN - 8);
  context.fillRect(0, at.height - 6, (at.width * at.timeSeconds) / spec.seconds, 6);
}

function registerFont(): void {
  if (GlobalFonts.has(FONT_FAMILY)) return;
  GlobalFonts.registerFromPath(createRequire(import.meta.url).resolve(FONT_FILE), FONT_FAMILY);
}

/** Prepares the picture of a clip. */
export function openPicture(spec: ClipSpec, size: FrameSize): Picture {
  registerFont();
  const traits = traitsOf(spec);
  const shapes = shapesOf(traits, size);
  const background = drawBackground(traits, size);
  const caption = drawCaption(spec, size);
  const canvas = createCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  return {
    draw(timeSeconds) {
      context.drawImage(background, 0, 0);
      drawShapes(context, shapes, { ...size, timeSeconds });
      context.drawImage(caption, 0, 0);
      drawClock(context, spec, { ...size, timeSeconds });
      return canvas.data();
    },
  };
}
