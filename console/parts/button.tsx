/** A button that does something at once. */

import type { ComponentProps } from 'preact';

export interface ButtonProps extends Omit<ComponentProps<'button'>, 'type' | 'onClick' | 'label' | 'children'> {
  readonly label: string;
  /** What it begins is not waited for. */
  readonly onClick: () => unknown;
}

export function Button({ label, onClick, ...more }: ButtonProps) {
  return (
    <button type="button" {...more} onClick={() => void onClick()}>
      {label}
    </button>
  );
}
