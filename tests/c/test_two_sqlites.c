/* A program with an SQLite of its own, linked with libheadcount.a. The two SQLites must not share a symbol: each is used here once. */
#include "check.h"

/* Functions of the program's own SQLite. */
extern const char *sqlite3_libversion(void);
extern int sqlite3_open(const char *name, void **database);
extern int sqlite3_exec(void *database, const char *sql, int (*row)(void *, int, char **, char **), void *data, char **error);
extern int sqlite3_close(void *database);

/* Stores the number in the only column of a row in the long that `data` points to. */
static int count(void *data, int columns, char **values, char **names) {
    (void)names;
    if (columns == 1) *(long *)data = strtol(values[0], NULL, 10);
    return 0;
}

int main(void) {
    void *database = NULL;
    CHECK(sqlite3_libversion() != NULL);
    CHECK(sqlite3_open(":memory:", &database) == 0);

    hc_mirror *mirror = NULL;
    hc_error *error = NULL;
    WORKS(hc_mirror_open(":memory:", NULL, NULL, &mirror, &error));
    hc_mirror_directory_list *directories = NULL;
    WORKS(hc_mirror_directories(mirror, NULL, &directories, &error));
    CHECK(hc_mirror_directory_list_len(directories) == 0);
    hc_mirror_directory_list_free(directories);

    long rows = 0;
    CHECK(sqlite3_exec(database, "CREATE TABLE one (a); INSERT INTO one VALUES (1), (2); SELECT count(*) FROM one", count, &rows, NULL) == 0);
    CHECK(rows == 2);
    hc_mirror_free(mirror);
    CHECK(sqlite3_close(database) == 0);
    puts("ok");
    return 0;
}
