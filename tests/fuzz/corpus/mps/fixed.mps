NAME          FIXED
ROWS
 N  TOTAL
 G  ROW ONE
COLUMNS
    COL A     TOTAL               2.   ROW ONE             1.
RHS
              ROW ONE             4.
BOUNDS
 UP BND       COL A               1.
ENDATA
