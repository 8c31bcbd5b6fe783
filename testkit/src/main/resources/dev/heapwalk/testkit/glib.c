// Makes known numbers of GLib's structures and tells where each lies, one a line: its category, and its address. The
// libraries are loaded at run time, so that the program is one for all releases.
#include <dlfcn.h>
#include <stdint.h>
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

typedef size_t GType;
typedef struct { void *data, *next, *prev; } List;
typedef struct { char *str; size_t len, allocated; } String;
typedef struct { GType type; void *data[2]; } Value;

static void tell(const char *what, const void *where) {
    printf("%s %p\n", what, where);
}

static void pictures(void) {
    library = dlopen("libgdk_pixbuf-2.0.so.0", RTLD_NOW);
    if (library == NULL) {
        return;
    }
    USE(void *, gdk_pixbuf_new, (int, int, int, int, int));
    USE(unsigned char *, gdk_pixbuf_get_pixels, (void *) );
    USE(void *, gdk_pixbuf_new_from_data,
            (unsigned char *, int, int, int, int, int, int, void (*)(unsigned char *, void *), void *));
    for (int i = 0; i < 7; i++) {
        tell("glib_GdkPixbuf_pixels_31_x_17_x_3", gdk_pixbuf_get_pixels(gdk_pixbuf_new(0, 0, 8, 31, 17)));
    }
    tell("glib_GdkPixbuf_pixels_640_x_480_x_4", gdk_pixbuf_get_pixels(gdk_pixbuf_new(0, 1, 8, 640, 480)));
    unsigned char *own = malloc(64 * 10);
    gdk_pixbuf_new_from_data(own, 0, 1, 8, 16, 10, 64, NULL, NULL);
    tell("glib_GdkPixbuf_pixels_16_x_10_x_4", own);
}

static GType made(const char *name, GType parent, int bytes, int private) {
    USE(GType, g_type_register_static_simple, (GType, const char *, unsigned, void *, unsigned, void *, int));
    USE(int, g_type_add_instance_private, (GType, size_t));
    GType type = g_type_register_static_simple(parent, name, 136, NULL, (unsigned) bytes, NULL, 0);
    if (private > 0) {
        g_type_add_instance_private(type, (size_t) private);
    }
    return type;
}

static void instances(void) {
    library = dlopen("libgobject-2.0.so.0", RTLD_NOW);
    USE(void *, g_object_new, (GType, const char *, ...));
    USE(void, g_object_unref, (void *) );
    USE(void *, g_value_init, (void *, GType));
    USE(void, g_value_take_boxed, (void *, void *) );
    USE(GType, g_strv_get_type, (void) );
    const GType object = 20 << 2;
    struct { const char *name; GType type; int count; } kinds[] = {
        {"GObject", object, 100},
        {"ShopWidget", made("ShopWidget", object, 48, 40), 50},
        {"ShopLabel", 0, 30},
        {"ShopPlain", made("ShopPlain", object, 1200, 0), 20},
    };
    kinds[2].type = made("ShopLabel", kinds[1].type, 64, 24);
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < 2 * kinds[kind].count; i++) {
            void *one = g_object_new(kinds[kind].type, NULL);
            if (i % 2 == 0) {
                g_object_unref(one);
            } else {
                printf("glib_instance_%s %p\n", kinds[kind].name, one);
            }
        }
    }
    // What once was the first word of an object is none any more.
    for (int i = 0; i < 50; i++) {
        tell("other", malloc(24));
    }
    for (int i = 0; i < 5; i++) {
        Value *value = calloc(1, sizeof *value);
        g_value_init(value, g_strv_get_type());
        char **strings = calloc(4, sizeof *strings);
        strings[0] = strdup("a text");
        g_value_take_boxed(value, strings);
        tell("glib_GValue_GStrv", value);
        tell("glib_boxed_GStrv", strings);
    }
}

static void containers(void) {
    library = dlopen("libglib-2.0.so.0", RTLD_NOW);
    USE(void *, g_slist_prepend, (void *, void *) );
    USE(void *, g_list_prepend, (void *, void *) );
    USE(void *, g_hash_table_new, (void *, void *) );
    USE(int, g_hash_table_insert, (void *, void *, void *) );
    USE(void *, g_string_new, (const char *) );
    USE(void *, g_string_append, (void *, const char *) );
    void *direct = function("g_direct_hash");
    void *equal = function("g_direct_equal");
    for (int kind = 0; kind < 2; kind++) {
        List *one = NULL, *both = NULL;
        for (intptr_t i = 1; i <= 300; i++) {
            void *data = kind == 0 ? (void *) i : malloc(40);
            one = g_slist_prepend(one, data);
            both = g_list_prepend(both, data);
        }
        for (List *node = one; node != NULL; node = node->next) tell("glib_GSList", node);
        for (List *node = both; node != NULL; node = node->next) tell("glib_GList", node);
    }
    for (intptr_t i = 0; i < 12; i++) {
        void *table = g_hash_table_new(direct, equal);
        for (intptr_t j = 1; j < 40 * (i + 1); j++) {
            g_hash_table_insert(table, (void *) (i % 3 == 0 ? j : (intptr_t) &library + j),
                    (void *) (i % 3 == 1 ? (intptr_t) &library + 1 : i % 3 == 2 ? (intptr_t) &library + j : 1));
        }
        tell("glib_GHashTable", table);
    }
    for (int i = 0; i < 40; i++) {
        String *string = g_string_new("begins");
        for (int j = 0; j < i; j++) g_string_append(string, " and goes on");
        tell("glib_GString", string);
        tell("glib_GString_text", string->str);
    }
}

// What has the shape of a list or a text in part alone.
static void others(void) {
    List *ring[5];
    for (int i = 0; i < 5; i++) ring[i] = malloc(sizeof(List));
    for (int i = 0; i < 5; i++) {
        *ring[i] = (List) {ring, ring[(i + 1) % 5], ring[(i + 4) % 5]};
        tell("other", ring[i]);
    }
    List *last = NULL;
    for (int i = 0; i < 5; i++) {
        List *node = malloc(sizeof *node);
        *node = (List) {NULL, last, ring};
        last = node;
        tell("other", node);
    }
    String *odd = malloc(sizeof *odd);
    *odd = (String) {malloc(50), 20, 50};
    memset(odd->str, 'x', 50);
    tell("other", odd);
}

int main(void) {
    others();
    instances();
    containers();
    pictures();
    printf("pid %d\nREADY\n", (int) getpid());
    fflush(stdout);
    pause();
}
