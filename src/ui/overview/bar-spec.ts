/** Bars as they are drawn; colours are names of CSS properties. */
export interface BarSpec {
  readonly labels: readonly string[];
  readonly series: readonly {
    readonly name: string;
    /** One for all bars, or one for each. */
    readonly colors: string | string[];
    readonly values: readonly number[];
  }[];
  readonly isHorizontal?: boolean;
}
