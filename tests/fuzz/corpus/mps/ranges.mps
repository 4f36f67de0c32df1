NAME t
ROWS
 N obj
 L r0
 L r1
 G r2
COLUMNS
    c0 obj -9
    c0 r1 2
    c1 obj 8
    c1 r0 -3
    c1 r2 5
    c2 obj -4
    c3 obj -6
    c3 r0 -5
    c3 r2 -5
    c4 obj -3
    c5 obj -1
    c5 r0 5
    c6 obj -6
    c7 obj -9
    c7 r1 3
    c8 obj 1
    c8 r2 -1
    c9 obj -5
    c9 r1 5
RHS
    RHS r0 19
    RHS r1 33
    RHS r2 23
RANGES
BOUNDS
 UP B c0 5
 UP B c1 16
 UP B c2 8
 FR B c3
 UP B c4 20
 UP B c5 17
 UP B c6 2
 UP B c7 1
 UP B c8 12
 UP B c9 4
ENDATA
