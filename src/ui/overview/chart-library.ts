export const CHART = 1;
