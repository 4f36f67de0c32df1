NAME a
ROWS
 N obj
 G c1
COLUMNS
    x obj 1 c1 1
    MARKER 'MARKER' 'INTORG'
    y obj -1 c1 1
    MARKER 'MARKER' 'INTEND'
RHS
    RHS c1 -5 obj -3
BOUNDS
 UP BND x -2
ENDATA
