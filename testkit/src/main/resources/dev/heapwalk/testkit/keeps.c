// SPDX-License-Identifier: Apache-2.0
// A C extension whose objects keep others in all the ways that extensions do. It is compiled without Ruby's headers, and
// so is good for every Ruby from 2.7 on. Each way is there twice: with a mark function that tells by its code what it
// marks, and with one that does the same and also writes to memory, which nobody follows who only reads.

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned long VALUE;
typedef struct st_table st_table;

struct type {
    const char *name;
    void (*mark)(void *);
    void (*free)(void *);
    size_t (*size)(const void *);
    void (*compact)(void *);
    void *reserved[1];
    const struct type *parent;
    void *data;
    VALUE flags;
};

extern VALUE rb_cObject;
VALUE rb_define_module(const char *);
VALUE rb_str_new_cstr(const char *);
VALUE rb_ary_new(void);
VALUE rb_ary_push(VALUE, VALUE);
VALUE rb_ary_entry(VALUE, long);
void rb_define_const(VALUE, const char *, VALUE);
void rb_define_module_function(VALUE, const char *, VALUE (*)(VALUE, VALUE, VALUE, VALUE), int);
VALUE rb_data_typed_object_wrap(VALUE, void *, const struct type *);
VALUE rb_data_object_wrap(VALUE, void *, void (*)(void *), void (*)(void *));
void *ruby_xcalloc(size_t, size_t);
void rb_gc_mark(VALUE);
void rb_gc_mark_movable(VALUE);
void rb_gc_mark_maybe(VALUE);
void rb_gc_mark_locations(const VALUE *, const VALUE *);
void rb_mark_tbl(st_table *);
void rb_mark_set(st_table *);
void rb_mark_hash(st_table *);
void rb_gc_register_address(VALUE *);
void rb_global_variable(VALUE *);
st_table *rb_st_init_numtable(void);
int rb_st_insert(st_table *, VALUE, VALUE);
int rb_st_foreach(st_table *, int (*)(VALUE, VALUE, VALUE), VALUE);

enum { COUNT = 6 };

static void *zeroed(size_t size) { return ruby_xcalloc(1, size); }

// In the structure itself.
struct fields { VALUE first; int number; VALUE second; double ratio; VALUE more[COUNT - 2]; };

static void *make_fields(const VALUE *values) {
    struct fields *made = zeroed(sizeof *made);
    made->first = values[0];
    made->second = values[1];
    made->ratio = 1.5;
    memcpy(made->more, values + 2, sizeof made->more);
    return made;
}

static void mark_fields(void *data) {
    struct fields *fields = data;
    rb_gc_mark(fields->first);
    rb_gc_mark_movable(fields->second);
    for (int i = 0; i < COUNT - 2; i++) {
        rb_gc_mark(fields->more[i]);
    }
}

// In an array beside it.
struct array { size_t length; VALUE *values; };

static void *make_array(const VALUE *values) {
    struct array *made = zeroed(sizeof *made);
    made->length = COUNT;
    made->values = zeroed(COUNT * sizeof *values);
    memcpy(made->values, values, COUNT * sizeof *values);
    return made;
}

static void mark_array(void *data) {
    struct array *array = data;
    for (size_t i = 0; i < array->length; i++) {
        rb_gc_mark(array->values[i]);
    }
}

// Behind several pointers.
struct tuple { char before[40]; VALUE values[COUNT]; };
struct owner { void *unused; struct tuple *private; };
struct document { char before[64]; struct owner *owner; };
struct node { void *unused[3]; struct document *document; };

static void *make_deep(const VALUE *values) {
    struct node *made = zeroed(sizeof *made);
    made->document = zeroed(sizeof *made->document);
    made->document->owner = zeroed(sizeof *made->document->owner);
    made->document->owner->private = zeroed(sizeof *made->document->owner->private);
    memcpy(made->document->owner->private->values, values, COUNT * sizeof *values);
    return made;
}

static void mark_deep(void *data) {
    struct node *node = data;
    struct tuple *tuple = node->document ? node->document->owner->private : 0;
    for (int i = 0; tuple && i < COUNT; i++) {
        rb_gc_mark(tuple->values[i]);
    }
}

// In a list that ends where it begins.
struct item { struct item *next; VALUE value; };

static void *make_list(const VALUE *values) {
    struct item *first = zeroed(sizeof *first);
    struct item *last = first;
    for (int i = 0; i < COUNT; i++) {
        struct item *item = zeroed(sizeof *item);
        item->value = values[i];
        last->next = item;
        last = item;
    }
    last->next = first;
    return first;
}

static void mark_list(void *data) {
    struct item *first = data;
    for (struct item *item = first->next; item != first; item = item->next) {
        rb_gc_mark(item->value);
    }
}

// In a list whose links lie in the middle of its items.
struct link { struct link *next; };
struct linked { VALUE value; char text[24]; struct link link; };

static void *make_links(const VALUE *values) {
    struct link *first = zeroed(sizeof *first);
    for (int i = 0; i < COUNT; i++) {
        struct linked *linked = zeroed(sizeof *linked);
        linked->value = values[i];
        linked->link.next = first->next;
        first->next = &linked->link;
    }
    return first;
}

static void mark_links(void *data) {
    for (struct link *link = ((struct link *) data)->next; link; link = link->next) {
        rb_gc_mark(((struct linked *) ((char *) link - offsetof(struct linked, link)))->value);
    }
}

// In a tree, by a function that calls itself.
struct branch { struct branch *left, *right; VALUE value; };

static struct branch *grown(const VALUE *values, int from, int to) {
    if (from >= to) {
        return 0;
    }
    struct branch *made = zeroed(sizeof *made);
    int middle = (from + to) / 2;
    made->value = values[middle];
    made->left = grown(values, from, middle);
    made->right = grown(values, middle + 1, to);
    return made;
}

static void *make_tree(const VALUE *values) { return grown(values, 0, COUNT); }

static void mark_tree(void *data) {
    struct branch *branch = data;
    if (branch) {
        mark_tree(branch->left);
        rb_gc_mark(branch->value);
        mark_tree(branch->right);
    }
}

// In tables.
static void *table(const VALUE *values, int keys, int records) {
    st_table *made = rb_st_init_numtable();
    for (int i = 0; i < COUNT; i += keys && records ? 2 : 1) {
        rb_st_insert(made, keys ? values[i] : (VALUE) i, records ? values[keys ? i + 1 : i] : 1);
    }
    return made;
}

static void *make_keys(const VALUE *values) { return table(values, 1, 0); }
static void *make_records(const VALUE *values) { return table(values, 0, 1); }
static void *make_entries(const VALUE *values) { return table(values, 1, 1); }
static void mark_keys(void *data) { rb_mark_set(data); }
static void mark_records(void *data) { rb_mark_tbl(data); }
static void mark_entries(void *data) { rb_mark_hash(data); }

// In a table that the extension goes through itself, with something of its own on the stack.
struct walk { int count; void (*mark)(VALUE); };
struct holder { st_table *table; };

static int step(VALUE key, VALUE record, VALUE argument) {
    struct walk *walk = (struct walk *) argument;
    walk->count++;
    if (key != COUNT) {
        walk->mark(record);
    }
    return 0;
}

static void *make_walked(const VALUE *values) {
    struct holder *made = zeroed(sizeof *made);
    made->table = table(values, 0, 1);
    return made;
}

static void mark_walked(void *data) {
    struct holder *holder = data;
    struct walk walk = {0, rb_gc_mark};
    rb_st_foreach(holder->table, step, (VALUE) &walk);
    if (walk.count != COUNT) {
        rb_gc_mark(rb_cObject);
    }
}

// Among words that are anything.
struct words { VALUE words[COUNT + 4]; };

static void *make_words(const VALUE *values) {
    struct words *made = zeroed(sizeof *made);
    made->words[0] = 0x1234567;
    made->words[1] = (VALUE) made;
    memcpy(made->words + 2, values, COUNT * sizeof *values);
    made->words[COUNT + 3] = ~0UL;
    return made;
}

static void mark_locations(void *data) {
    struct words *words = data;
    rb_gc_mark_locations(words->words, words->words + COUNT + 4);
}

static void mark_maybe(void *data) {
    struct words *words = data;
    for (int i = 0; i < COUNT + 4; i++) {
        rb_gc_mark_maybe(words->words[i]);
    }
}

// As pointers with something else in their lowest, or in their uppermost bits.
static void *make_tagged(const VALUE *values) {
    struct words *made = zeroed(sizeof *made);
    for (int i = 0; i < COUNT; i++) {
        made->words[i] = values[i] | (i & 1 ? 3 : 0xfff8UL << 48);
    }
    return made;
}

static void mark_tagged(void *data) {
    struct words *words = data;
    for (int i = 0; i < COUNT; i++) {
        rb_gc_mark(words->words[i] & 0xfffffffffff8UL);
    }
}

// As numbers that are no addresses.
static void *make_hidden(const VALUE *values) {
    struct words *made = zeroed(sizeof *made);
    for (int i = 0; i < COUNT; i++) {
        made->words[i] = ~values[i] >> 3;
    }
    return made;
}

static void mark_hidden(void *data) {
    struct words *words = data;
    for (int i = 0; i < COUNT; i++) {
        rb_gc_mark(~(words->words[i] << 3 | 7));
    }
}

// By what the structure is, with a buffer on the stack that is guarded, and under a lock.
struct variant { int kind; pthread_mutex_t lock; char name[16]; VALUE values[COUNT]; };

static void *make_variant(const VALUE *values) {
    struct variant *made = zeroed(sizeof *made);
    made->kind = 5;
    pthread_mutex_init(&made->lock, 0);
    strcpy(made->name, "variant");
    memcpy(made->values, values, COUNT * sizeof *values);
    return made;
}

static void mark_variant(void *data) {
    struct variant *variant = data;
    volatile char name[16];
    pthread_mutex_lock(&variant->lock);
    for (int i = 0; i < 16; i++) {
        name[i] = variant->name[i];
    }
    switch (variant->kind) {
        case 0: rb_gc_mark(variant->values[0]); break;
        case 1: rb_gc_mark(variant->values[1]); rb_gc_mark(variant->values[3]); break;
        case 2: rb_gc_mark(variant->values[2]); rb_gc_mark(variant->values[4]); break;
        case 3: rb_gc_mark(variant->values[3]); rb_gc_mark(variant->values[5]); break;
        case 4: rb_gc_mark(variant->values[5]); rb_gc_mark(variant->values[0]); break;
        case 5:
            for (int i = 0; i < COUNT && name[0] == 'v'; i++) {
                rb_gc_mark(variant->values[i]);
            }
            break;
        default: rb_gc_mark(variant->values[1]);
    }
    pthread_mutex_unlock(&variant->lock);
}

// The data is itself one of them.
static void *make_itself(const VALUE *values) { return (void *) values[0]; }
static void mark_itself(void *data) { rb_gc_mark((VALUE) data); }

// In the extension's own variables.
static VALUE kept[COUNT];

static void *make_variables(const VALUE *values) {
    memcpy(kept, values, sizeof kept);
    return kept;
}

static void mark_variables(void *data) {
    (void) data;
    for (int i = 0; i < COUNT; i++) {
        rb_gc_mark(kept[i]);
    }
}

// Known, and not kept alive.
static void mark_nothing(void *data) { (void) data; }

static volatile long written;

#define WAY(name, make, mark)                                                                                          \
    static void opaque_##name(void *data) {                                                                            \
        written++;                                                                                                     \
        mark(data);                                                                                                    \
    }
#define WAYS(WAY)                                                                                                      \
    WAY(fields, make_fields, mark_fields)                                                                              \
    WAY(array, make_array, mark_array)                                                                                 \
    WAY(deep, make_deep, mark_deep)                                                                                    \
    WAY(list, make_list, mark_list)                                                                                    \
    WAY(links, make_links, mark_links)                                                                                 \
    WAY(tree, make_tree, mark_tree)                                                                                    \
    WAY(keys, make_keys, mark_keys)                                                                                    \
    WAY(records, make_records, mark_records)                                                                           \
    WAY(entries, make_entries, mark_entries)                                                                           \
    WAY(walked, make_walked, mark_walked)                                                                              \
    WAY(locations, make_words, mark_locations)                                                                         \
    WAY(maybe, make_words, mark_maybe)                                                                                 \
    WAY(tagged, make_tagged, mark_tagged)                                                                              \
    WAY(hidden, make_hidden, mark_hidden)                                                                              \
    WAY(variant, make_variant, mark_variant)                                                                           \
    WAY(itself, make_itself, mark_itself)                                                                              \
    WAY(variables, make_variables, mark_variables)                                                                     \
    WAY(weak, make_fields, mark_nothing)
WAYS(WAY)

static const struct way {
    struct type exact, opaque;
    void *(*make)(const VALUE *);
} ways[] = {
#define ENTRY(name, make, mark)                                                                                        \
    {{"exact/" #name, mark, 0, 0, 0, {0}, 0, 0, 0}, {"opaque/" #name, opaque_##name, 0, 0, 0, {0}, 0, 0, 0}, make},
    WAYS(ENTRY)
};

// keep(way, how, objects): an object that keeps six others; how is 0 for exact, 1 for opaque, 2 for data without a type.
static VALUE keep(VALUE self, VALUE number, VALUE how, VALUE objects) {
    const struct way *way = ways + (number >> 1);
    VALUE values[COUNT];
    (void) self;
    for (int i = 0; i < COUNT; i++) {
        values[i] = rb_ary_entry(objects, i);
    }
    void *data = way->make(values);
    return how >> 1 == 2 ? rb_data_object_wrap(rb_cObject, data, way->exact.mark, 0)
                         : rb_data_typed_object_wrap(rb_cObject, data, how >> 1 ? &way->opaque : &way->exact);
}

// One of many nodes of one document: each knows the next one and its parent.
struct part { struct part *next, *parent; VALUE value; };

static void mark_part(void *data) {
    rb_gc_mark(((struct part *) data)->value);
}

static void opaque_part(void *data) {
    written++;
    mark_part(data);
}

static const struct type part_type = {"opaque/part", opaque_part, 0, 0, 0, {0}, 0, 0, 0};

// parts(count, wrapped, value): so many nodes in a ring, of which the first ones have objects.
static VALUE parts(VALUE self, VALUE count, VALUE wrapped, VALUE value) {
    struct part *first = zeroed(sizeof *first);
    struct part *last = first;
    VALUE made = rb_ary_new();
    (void) self;
    for (long i = 0; i < (long) count >> 1; i++) {
        struct part *part = zeroed(sizeof *part);
        part->parent = first;
        part->value = rb_ary_entry(value, i);
        last->next = part;
        last = part;
        if (i < (long) wrapped >> 1) {
            rb_ary_push(made, rb_data_typed_object_wrap(rb_cObject, part, &part_type));
        }
    }
    last->next = first;
    return made;
}

// What leads to memory of an object that it does not keep, as a word does that was left behind.
struct leader { char *behind; void *unused[2]; };

static void opaque_leader(void *data) {
    (void) data;
    written++;
}

static const struct type leader_type = {"opaque/leader", opaque_leader, 0, 0, 0, {0}, 0, 0, 0};

// lead(object, word, inner): behind the beginning of what that word of the object points to, or that word in there.
static VALUE lead(VALUE self, VALUE object, VALUE word, VALUE inner) {
    struct leader *made = zeroed(sizeof *made);
    char *memory = ((char **) object)[(long) word >> 1];
    (void) self;
    if ((long) inner >> 1 >= 0) {
        memory = ((char **) memory)[(long) inner >> 1];
    }
    made->behind = memory + 64;
    return rb_data_typed_object_wrap(rb_cObject, made, &leader_type);
}

// spread(objects, length, times): two that lead to the same memory, which holds each of so many objects so many times.
static VALUE spread(VALUE self, VALUE objects, VALUE length, VALUE times) {
    size_t count = (size_t) length >> 1;
    VALUE *memory = zeroed(count * ((size_t) times >> 1) * sizeof *memory);
    VALUE made = rb_ary_new();
    (void) self;
    for (size_t i = 0; i < count * ((size_t) times >> 1); i++) {
        memory[i] = rb_ary_entry(objects, (long) (i % count));
    }
    for (int i = 0; i < 2; i++) {
        struct leader *leader = zeroed(sizeof *leader);
        leader->behind = (char *) memory;
        rb_ary_push(made, rb_data_typed_object_wrap(rb_cObject, leader, &leader_type));
    }
    return made;
}

static VALUE registered, global;

// globals(one, other): in variables that the garbage collector was told of.
static VALUE globals(VALUE self, VALUE one, VALUE other, VALUE unused) {
    (void) self;
    registered = one;
    global = other;
    return unused;
}

__attribute__((visibility("default"))) void Init_keeps(void);

void Init_keeps(void) {
    VALUE module = rb_define_module("Keeps");
    VALUE names = rb_ary_new();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        rb_ary_push(names, rb_str_new_cstr(strchr(ways[i].exact.name, '/') + 1));
    }
    rb_define_const(module, "WAYS", names);
    rb_gc_register_address(&registered);
    rb_global_variable(&global);
    rb_define_module_function(module, "keep", keep, 3);
    rb_define_module_function(module, "parts", parts, 3);
    rb_define_module_function(module, "lead", lead, 3);
    rb_define_module_function(module, "spread", spread, 3);
    rb_define_module_function(module, "globals", globals, 3);
}
