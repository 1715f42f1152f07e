/** The SQL function that every search calls for each row it looks at: SQLite has no other time limit that Node offers. */
export const IN_TIME = 'countersign_in_time';
