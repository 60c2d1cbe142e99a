/** Which driver and which of its devices: 32 bits each. */
export interface Device {
  readonly major: number
  readonly minor: number
}

/**
 * The two halves of a device number as Linux lays them out: the low 12 bits of major and the low 8 of minor
 * where they were when a number had 16 bits, the rest of each above.
 */
export function splitDevice(device: bigint): Device {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)
  return { major: Number(major), minor: Number(minor) }
}

export function joinDevice({ major, minor }: Device): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return (
    ((high & 0xfffn) << 8n) | ((high & 0xffff_f000n) << 32n) | (low & 0xffn) | ((low & 0xffff_ff00n) << 12n)
  )
}
