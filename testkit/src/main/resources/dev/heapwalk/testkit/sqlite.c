// Opens databases and tells what it has of each: its category and its address, one a line, and what SQLite counts. Its
// argument is "lookaside" if small blocks of a connection are to come from memory that each connection has.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *library;

static void *function(const char *name) {
    void *found = dlsym(library, name);
    if (found == NULL) {
        fprintf(stderr, "no %s\n", name);
        exit(1);
    }
    return found;
}

#define USE(result, name, arguments) result(*name) arguments = (result(*) arguments) function(#name)

int main(int count, char **arguments) {
    int lookaside = count > 1 && strcmp(arguments[1], "lookaside") == 0;
    library = dlopen("libsqlite3.so.0", RTLD_NOW);
    if (library == NULL) return 1;
    USE(int, sqlite3_open, (const char *, void **) );
    USE(int, sqlite3_close, (void *) );
    USE(int, sqlite3_exec, (void *, const char *, void *, void *, void *) );
    USE(int, sqlite3_prepare_v2, (void *, const char *, int, void **, void *) );
    USE(int, sqlite3_step, (void *) );
    USE(int, sqlite3_finalize, (void *) );
    USE(int, sqlite3_db_config, (void *, int, ...));
    USE(int, sqlite3_db_status, (void *, int, int *, int *, int) );
    USE(int, sqlite3_status64, (int, long long *, long long *, int) );
    int cache = 0, schema = 0, statements = 0;
    for (int i = 0; i < 8; i++) {
        void *connection;
        if (sqlite3_open(":memory:", &connection) != 0) return 1;
        if (!lookaside) sqlite3_db_config(connection, 1001, NULL, 0, 0);
        char text[200];
        for (int j = 0; j < 20; j++) {
            snprintf(text, sizeof text, "create table t%d(a integer primary key, b text, c); create index i%d on t%d(b)", j, j, j);
            if (sqlite3_exec(connection, text, NULL, NULL, NULL) != 0) return 1;
        }
        if (sqlite3_exec(connection, "with recursive n(x) as (select 1 union all select x + 1 from n where x < 3000) "
                "insert into t1(b, c) select hex(randomblob(100)), x from n", NULL, NULL, NULL) != 0) return 1;
        if (i % 2 == 1) {
            sqlite3_close(connection);
            continue;
        }
        printf("sqlite3_connection %p\n", connection);
        for (int j = 0; j < 10; j++) {
            void *statement;
            snprintf(text, sizeof text, "select a, b, c from t%d where b > ? order by c, b", j);
            if (sqlite3_prepare_v2(connection, text, -1, &statement, NULL) != 0) return 1;
            sqlite3_step(statement);
            if (j % 2 == 1) {
                sqlite3_finalize(statement);
            } else if (lookaside && j == 0) {
                printf("sqlite3_connection_lookaside %p\n", statement);
            } else if (!lookaside) {
                printf("sqlite3_statement %p\n", statement);
            }
        }
        int now, most;
        sqlite3_db_status(connection, 1, &now, &most, 0);
        cache += now;
        sqlite3_db_status(connection, 2, &now, &most, 0);
        schema += now;
        sqlite3_db_status(connection, 3, &now, &most, 0);
        statements += now;
    }
    long long used, highest;
    sqlite3_status64(0, &used, &highest, 0);
    printf("cache %d\nschema %d\nstatements %d\nused %lld\n", cache, schema, statements, used);
    printf("pid %d\nREADY\n", (int) getpid());
    fflush(stdout);
    pause();
}
