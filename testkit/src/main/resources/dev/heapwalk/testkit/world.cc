// Makes known numbers of objects and containers, says how many, and waits. Containers count by their allocator, by
// what they allocate: pointers are tables, everything else are elements.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <vector>

enum Kind { VECTOR, LIST, TREE, HASH, DEQUE, STRING, KINDS };
static long live[KINDS][2];

template <class T, Kind K> struct Counting {
    using value_type = T;
    template <class U> struct rebind { using other = Counting<U, K>; };
    Counting() = default;
    template <class U> Counting(const Counting<U, K> &) {}
    T *allocate(size_t n) {
        live[K][std::is_pointer<T>::value]++;
        return static_cast<T *>(::operator new(n * sizeof(T)));
    }
    void deallocate(T *p, size_t) {
        live[K][std::is_pointer<T>::value]--;
        ::operator delete(p);
    }
    template <class U> bool operator==(const Counting<U, K> &) const { return true; }
    template <class U> bool operator!=(const Counting<U, K> &) const { return false; }
};

template <class T> using vector = std::vector<T, Counting<T, VECTOR>>;
template <class T> using list = std::list<T, Counting<T, LIST>>;
template <class T> using deque = std::deque<T, Counting<T, DEQUE>>;
template <class K, class V> using map = std::map<K, V, std::less<K>, Counting<std::pair<const K, V>, TREE>>;
template <class K> using set = std::set<K, std::less<K>, Counting<K, TREE>>;
template <class K> using multiset = std::multiset<K, std::less<K>, Counting<K, TREE>>;
template <class K> struct Hash { size_t operator()(const K &key) const { return std::hash<K>()(key); } };
template <class K, class V>
using hash = std::unordered_map<K, V, Hash<K>, std::equal_to<K>, Counting<std::pair<const K, V>, HASH>>;
template <class K> using hash_set = std::unordered_set<K, std::hash<K>, std::equal_to<K>, Counting<K, HASH>>;
using string = std::basic_string<char, std::char_traits<char>, Counting<char, STRING>>;
template <> struct Hash<string> { size_t operator()(const string &key) const { return key[key.size() - 1] * 31; } };

class Foo {
  public:
    virtual ~Foo() {}
    virtual int value() { return x; }
    int x = 1;
};
class Bar : public Foo {
  public:
    int value() override { return y; }
    int y = 2;
    long more[9] = {};
};
struct Left { virtual ~Left() {} long l = 1; };
struct Right { virtual ~Right() {} virtual int right() { return 3; } long r = 2; };
struct Both : Left, Right { int right() override { return 4; } long b = 3; };
struct Top { virtual ~Top() {} long t = 1; };
struct First : virtual Top { long f = 2; };
struct Second : virtual Top { long s = 3; };
struct Diamond : First, Second { long d = 4; };
template <class T, int N> struct Box { virtual ~Box() {} T items[N] = {}; };
struct alignas(16) Aligned { virtual ~Aligned() {} long a[3] = {}; };
namespace acme {
struct Order { virtual ~Order() {} string name; vector<int> lines; list<int> parts; set<int> ids; };
namespace { struct Hidden { virtual ~Hidden() {} long h = 5; }; }
}

// Containers at the edges of what they can be: empty, with one element, emptied, refilled, for elements of any size.
template <class T> struct Edges {
    deque<T> deques[10];
    set<T> sets[6];
    multiset<T> equal;
    map<T, T> maps[6];
    hash<T, T> hashes[6];
    list<T> lists[6];
    vector<T> vectors[6];
    string strings[40];

    void shift(deque<T> &d, int in, int out) {
        for (int i = 0; i < in; i++) d.push_back(T(i));
        for (int i = 0; i < out; i++) d.pop_front();
    }
    Edges() {
        shift(deques[1], 1, 0);
        shift(deques[2], 2, 2);
        shift(deques[3], 64, 0);
        shift(deques[4], 64, 64);
        shift(deques[5], 128, 0);
        shift(deques[6], 511, 256);
        shift(deques[7], 384, 384);
        for (int i = 0; i < 3; i++) shift(deques[8], 255, 255);
        for (int i = 0; i < 3000; i++) deques[9].push_front(T(i));
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < i * i; j++) {
                sets[i].insert(T(j * 37 % 101));
                maps[i][T(j * 37 % 101)] = T(j);
                hashes[i][T(j * 37 % 101)] = T(j);
                lists[i].push_back(T(j));
                vectors[i].push_back(T(j));
            }
        }
        for (int i = 0; i < 9; i++) equal.insert(T(1));
        for (int i = 0; i < 40; i++) strings[i].assign(i, char('a' + i % 26));
        sets[5].clear();
        hashes[5].clear();
        lists[4].clear();
        vectors[5].clear();
        strings[39].clear();
    }
};
struct AllEdges {
    Edges<char> chars;
    Edges<long> longs;
};
static AllEdges edges;

static void *kept[4096];
static int keptCount;
template <class T> static T *keep(T *p) { kept[keptCount++] = p; return p; }
template <class T> static void escape(T &t) { asm volatile("" : : "r"(&t) : "memory"); }

static string names[40];
static vector<int> numbers;
static list<int> numbersInList;
static map<int, int> numbersInMap;
static hash<int, int> numbersInHash;
static deque<int> numbersInDeque;
static thread_local vector<long> ofThread;
static std::string plain = "a text that does not lie in the string, since it is too long for that";

static string text(int i) { return string("the text of the string with the number ") + char('a' + i % 26); }

__attribute__((noinline)) static void second(int in, int out) {
    ofThread.assign(5, 7);
    list<long> onStack(4, 8);
    escape(onStack);
    char c = 1;
    if (write(out, &c, 1) != 1 || read(in, &c, 1) < 0) _exit(1);
    escape(onStack);
}

static void tell(const char *kind, const char *detail, long count) { if (count) printf("%s\t%s\t%ld\n", kind, detail, count); }

__attribute__((noinline)) static void work(int in, int out, int back) {
    for (int i = 0; i < 100; i++) keep(new Foo);
    for (int i = 0; i < 50; i++) keep(new Bar);
    for (int i = 0; i < 7; i++) keep(static_cast<Right *>(new Both));
    for (int i = 0; i < 6; i++) keep(static_cast<Top *>(new Diamond));
    for (int i = 0; i < 5; i++) keep(new Box<char, 24>);
    for (int i = 0; i < 4; i++) keep(new acme::Hidden);
    for (int i = 2; i < 12; i++) keep(new Bar[i]);
    keep(new Foo[1000]);
    for (int i = 2; i < 9; i++) keep(new Aligned[i]);
    for (int i = 0; i < 20; i++) delete new Bar;
    for (int i = 0; i < 30; i++) {
        acme::Order *order = keep(new acme::Order);
        order->name = text(i);
        for (int j = 0; j < 20; j++) order->lines.push_back(j);
        for (int j = 0; j < i; j++) order->parts.push_back(j);
        for (int j = 0; j < i; j++) order->ids.insert(j * 7 % 31);
    }
    for (int i = 0; i < 40; i++) names[i] = text(i);
    for (int i = 0; i < 1000; i++) {
        numbers.push_back(i);
        numbersInList.push_back(i);
        numbersInMap[i * 7919 % 1000] = i;
        numbersInHash[i * 7919] = i;
        numbersInDeque.push_back(i);
    }
    for (int i = 0; i < 300; i++) numbersInDeque.pop_front();
    for (int i = 0; i < 300; i++) { numbersInList.pop_front(); numbersInMap.erase(i); numbersInHash.erase(i * 7919); }

    list<int> *ofItsOwn = keep(new list<int>);
    for (int i = 1; i < 12; i++) ofItsOwn->push_back(i);
    keep(new list<long>(1, 5));
    multiset<int> *equal = keep(new multiset<int>);
    for (int i = 0; i < 64; i++) equal->insert(i / 8);
    set<string> words;
    for (int i = 0; i < 26; i++) words.insert(text(i));
    hash<string, string> *pairs = keep(new hash<string, string>);
    for (int i = 0; i < 26; i++) (*pairs)[text(i)] = text(25 - i);
    hash_set<long> one;
    one.insert(5);
    hash_set<long> reserved;
    reserved.reserve(100);
    list<list<int>> nested;
    for (int i = 0; i < 9; i++) nested.push_back(list<int>(i, i));
    vector<vector<char>> rows(12);
    for (int i = 0; i < 12; i++) rows[i].assign(10 + 100 * i, 'x');
    vector<Foo> inPlace(6);
    vector<Foo *> pointers(6, static_cast<Foo *>(kept[0]));
    vector<bool> bits(500);
    deque<string> texts;
    for (int i = 0; i < 90; i++) texts.push_back(text(i));
    deque<double> *queue = keep(new deque<double>);
    queue->push_back(1);
    escape(words); escape(one); escape(reserved); escape(nested); escape(rows); escape(inPlace); escape(pointers);
    escape(bits); escape(texts);

    AllEdges edgesOnStack;
    escape(edgesOnStack);
    keep(new AllEdges);

    std::vector<std::shared_ptr<void>> shared;
    for (int i = 0; i < 12; i++) shared.push_back(std::make_shared<long>(i));
    for (int i = 0; i < 5; i++) shared.push_back(std::shared_ptr<Foo>(new Foo));
    escape(shared);
    std::runtime_error *error = keep(new std::runtime_error("a message that is longer than a short string"));
    std::runtime_error copy = *error;
    escape(copy);
    std::ofstream stream("/dev/null");
    stream << 1;
    escape(stream);
    // Looks like much, and is nothing: the same words without who points to them, and pointers that agree with nothing.
    for (int i = 0; i < 50; i++) {
        long *words = static_cast<long *>(malloc(200));
        for (int j = 0; j < 25; j++) words[j] = j;
        words[0] = reinterpret_cast<long>(kept[i]);
        words[1] = reinterpret_cast<long>(kept[i + 1]);
        words[2] = reinterpret_cast<long>(kept[i + 2]);
        kept[keptCount++] = words;
    }

    std::thread thread(second, back, out);
    char c;
    if (read(in, &c, 1) != 1) _exit(1);

    tell("Foo", "", 100 + 5);
    tell("Foo", "array", 1);
    tell("Bar", "", 50);
    tell("Bar", "array", 10);
    tell("Aligned", "array", 7);
    tell("Both", "", 7);
    tell("Diamond", "", 6);
    tell("Box<char, 24>", "", 5);
    tell("acme::(anonymous namespace)::Hidden", "", 4);
    tell("acme::Order", "", 30);
    tell("std::runtime_error", "", 1);
    tell("std::string", "buffer", live[STRING][0] + 1);
    tell("std::string", "shared buffer", 1);
    tell("std::vector", "buffer", live[VECTOR][0] + live[VECTOR][1] + 1);
    tell("std::list", "node", live[LIST][0]);
    tell("std::map or set", "node", live[TREE][0]);
    tell("std::unordered_map or set", "node", live[HASH][0]);
    tell("std::unordered_map or set", "buckets", live[HASH][1]);
    tell("std::deque", "block", live[DEQUE][0]);
    tell("std::deque", "map", live[DEQUE][1]);
    tell("std::shared_ptr", "control block and object of long", 12);
    tell("std::shared_ptr", "control block of Foo", 5);
#ifdef __GLIBCXX__
    tell("std::thread::_State_impl<std::thread::_Invoker<std::tuple<void (*)(int, int), int, int>>>", "", 1);
#endif
    tell("std::filebuf", "buffer", 1);
    tell("READY", "", 1);
    fflush(stdout);
    while (read(0, &c, 1) > 0) {}
    _exit(0);
}

int main() {
    static char buffer[1 << 14];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    int said[2], held[2];
    if (pipe(said) || pipe(held)) return 1;
    work(said[0], said[1], held[0]);
}
