// SPDX-License-Identifier: Apache-2.0
// The language of 'heapwalk select': that of gdb-heap, and regular expressions.
grammar Query;

query : disjunction? EOF ;

disjunction : conjunction (OR conjunction)* ;

conjunction : negation (AND negation)* ;

negation
    : NOT negation                      # not
    | '(' disjunction ')'               # nested
    | operand (comparator operand)?     # comparison
    ;

comparator : EQUAL | UNEQUAL | LESS | AT_MOST | GREATER | AT_LEAST | MATCHES ;

operand : NUMBER | TEXT | WORD ;

AND : 'and' | 'AND' ;
OR : 'or' | 'OR' ;
NOT : 'not' | 'NOT' ;

EQUAL : '=' | '==' ;
UNEQUAL : '!=' ;
LESS : '<' ;
AT_MOST : '<=' ;
GREATER : '>' ;
AT_LEAST : '>=' ;
MATCHES : '~' ;

NUMBER : [0-9] [0-9a-zA-Z]* ;
TEXT : '"' ('\\' . | ~["\\])* '"' | '\'' ('\\' . | ~['\\])* '\'' ;
WORD : [a-zA-Z_] [0-9a-zA-Z_]* ;

SPACE : [ \t\r\n]+ -> skip ;

// What begins no word is one, so that it is refused as words are.
OTHER : . ;
