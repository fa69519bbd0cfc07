/** A line to type in, below its name. */

import type { ComponentProps, PartialInputHTMLAttributes } from 'preact';

export interface FieldProps extends Omit<PartialInputHTMLAttributes<HTMLInputElement>, 'label' | 'onInput' | 'role'> {
  readonly label: string;
  readonly onText: (text: string) => void;
}

export function Field({ label, onText, ...more }: FieldProps) {
  return (
    <label>
      {label}
      <input {...(more as ComponentProps<'input'>)} onInput={({ currentTarget }) => onText(currentTarget.value)} />
    </label>
  );
}
