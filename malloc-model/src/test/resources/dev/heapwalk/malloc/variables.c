// A library with variables that each thread has for itself, too many for the room that is kept ready.
static __thread char variables[5000];

char *variable(void) {
    return variables;
}
