import stringWidth from 'fast-string-width'

export type Align = 'left' | 'right'

/**
 * Rows as lines, columns aligned by the width that a terminal gives each character. The last column is not
 * padded. Cells must hold no control characters but those of colours.
 */
export function alignTable(rows: readonly (readonly string[])[], aligns: readonly Align[] = []): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, stringWidth(cell))
  }
  return rows.map((row) => alignRow(row, widths, aligns))
}

/** One row, for tables whose widths are settled before all rows are known. */
export function alignRow(
  row: readonly string[],
  widths: readonly number[],
  aligns: readonly Align[],
): string {
  const cells = row.map((cell, i) => {
    const padding = ' '.repeat(Math.max(0, (widths[i] ?? 0) - stringWidth(cell)))
    if (aligns[i] === 'right') return padding + cell
    return i === row.length - 1 ? cell : cell + padding
  })
  return cells.join('  ').trimEnd()
}
