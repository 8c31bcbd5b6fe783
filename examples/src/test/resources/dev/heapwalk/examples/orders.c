// SPDX-License-Identifier: Apache-2.0
// Keeps 10,000 orders on 64 shelves, tells what they come to, and waits.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct order {
    long id;
    struct order *next;
    const char *customer;
    int cents;
    short state;
};

struct shelf {
    struct order *first;
    long count;
};

struct shelf shelves[64];
int shelf_count = 64;

int main(void) {
    long orders[3] = {0}, cents[3] = {0};
    struct order *dearest = NULL;
    for (long id = 0; id < 10000; id++) {
        struct order *order = malloc(sizeof *order);
        char name[32];
        snprintf(name, sizeof name, "customer %ld", id % 777);
        order->id = id;
        order->customer = strdup(name);
        order->cents = (int) (id * 7919 % 100003);
        order->state = (short) (id % 7 % 3);
        struct shelf *shelf = &shelves[id % 64];
        order->next = shelf->first;
        shelf->first = order;
        shelf->count++;
        orders[order->state]++;
        cents[order->state] += order->cents;
        if (!dearest || order->cents > dearest->cents) {
            dearest = order;
        }
    }
    puts("READY");
    for (int state = 0; state < 3; state++) {
        printf("state %d: %ld orders, %ld cents\n", state, orders[state], cents[state]);
    }
    printf("dearest: %d cents, %s\n", dearest->cents, dearest->customer);
    puts("blocks: 10000 orders, 10000 names");
    printf("the dearest: a block of %zu bytes\n", malloc_usable_size(dearest));
    puts("the first shelf: shelves");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
