# SPDX-License-Identifier: Apache-2.0
# Objects of every type, in every form that is known, and every kind of reference between them.
#
#   made PATH    writes for each object that has a name here a line of JSON: name, address, type, class, memsize
#   names PATH   writes for each reference that Ruby has a name for a line: the address of the object, the bytes of the name in hex, the
#                address of what it refers to. Names are @name, @@name, ::CONSTANT, [index], {key}, {:key} or {"key"} or {1} for what a
#                Hash has at that key, {value} for other keys, a member's name, local and the name of a variable of a Proc or Binding
#   weak PATH    the same for what is referred to weakly, with the names {key} and {value}

require_relative "target"
require "bigdecimal"
require "date"
require "delegate"
require "forwardable"
require "monitor"
require "pathname"
require "set"
require "singleton"
require "socket"
require "stringio"
require "strscan"
require "tempfile"
require "weakref"

KEPT = {}

def keep(name, object)
  raise "#{name} is there already" if KEPT.key?(name)
  KEPT[name] = object
end

# Makes what only some versions can make.
def where_possible
  yield
rescue NameError, ArgumentError, NotImplementedError, SyntaxError
  nil
end

$VERBOSE = nil

# --- strings

(0..40).each { |length| keep("string of #{length}", "s" * length) }
[55, 56, 63, 64, 79, 80, 135, 136, 137, 295, 296, 297, 615, 616, 617, 1000, 4096, 100_000].each do |length|
  keep("string of #{length}", "h" * length)
end
keep("very long string", "long " * 1_000_000)
keep("string with capacity", String.new("little", capacity: 5000))
keep("string from new", String.new)
shared = keep("string that is shared", "shared by several " * 300)
keep("string dup", shared.dup)
keep("string tail", shared[100..-1])
keep("string middle", shared[100, 2000])
keep("string short middle", shared[100, 10])
keep("frozen string", ("frozen " * 50).freeze)
keep("frozen string dup", KEPT["frozen string"].dup)
keep("fstring", -("fstring " * 20))
keep("short fstring", -"short")
keep("string that was longer", ("w" * 1000).tap { |s| s.slice!(5, 990) })
keep("string that grew", +"".tap { |s| 1000.times { |i| s << i.to_s } })
keep("string of zeros", "\0" * 30)
keep("string with quotes", "a \" b \\ c \n d \e \u007f \u2028")
keep("string with ivars", +"ivars").instance_variable_set(:@on_string, "value")
KEPT["string with ivars"].instance_variable_set(:@second, :value)
keep("string with singleton", +"single").define_singleton_method(:alone) { 1 }
class StringChild < String
  attr_accessor :extra
end
keep("string child", StringChild.new("child")).extra = 17
keep("long string child", StringChild.new("child" * 100))

Encoding.list.each do |encoding|
  keep("string in #{encoding.name}", "Abc".b.force_encoding(encoding))
  keep("long string in #{encoding.name}", ("Grüße 日本 " * 20).encode(encoding, undef: :replace, invalid: :replace)) unless encoding.dummy?
rescue EncodingError
  nil
end
if Encoding.method_defined?(:replicate)
  # With more of them than fit into the flags.
  40.times do |i|
    where_possible { keep("string in encoding #{i} of our own", "own".dup.force_encoding(Encoding::UTF_8.replicate("heapwalk-#{i}"))) }
  end
end
keep("invalid utf-8", "ok \xff\xfe\xc3 end")
keep("truncated utf-8", "\xe3\x81".dup)
keep("surrogate in utf-8", "\xed\xa0\x80".dup)
keep("highest character", "\u{10ffff}")
keep("binary", (0..255).to_a.pack("C*"))
keep("odd utf-16", "a\x00b".b.force_encoding("UTF-16LE"))

# --- symbols

keep("static symbol", :static_symbol)
keep("operator", :[]=)
keep("symbols of all kinds", %i[local @iv @@cv $gv Const junk? setter= + ! =~ []])
200.times { |i| keep("dynamic symbol #{i}", "dynamic symbol #{i}".to_sym) }
keep("symbol that became an id", "turned_into_id".to_sym).tap { |name| Object.new.instance_variable_get("@#{name}") && send(name) rescue nil }
keep("unicode symbol", "größe 日本".to_sym)
keep("latin symbol", "gr\xf6\xdfe".dup.force_encoding("ISO-8859-1").to_sym)
keep("utf-16 symbol", "wide".encode("UTF-16LE").to_sym)
keep("binary symbol", "\xff\xfe".b.to_sym)
keep("empty symbol", "".to_sym)
keep("long symbol", ("long" * 500).to_sym)

# --- arrays

(0..130).each { |length| keep("array of #{length}", Array.new(length) { |i| i.odd? ? i : "element #{i}" }) }
keep("array of 100000", Array.new(100_000) { |i| i })
big = keep("array that is shared", (1..500).map(&:to_s))
keep("array tail", big[100..-1])
keep("array middle", big[100, 50])
keep("array dup", big.dup)
keep("array shifted", (1..100).to_a.tap { |a| 30.times { a.shift } })
keep("array cleared", (1..100).to_a.clear)
keep("array popped", (1..100).to_a.tap { |a| a.pop(98) })
keep("array literal", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
keep("frozen array", [1, [2, [3]]].freeze)
keep("array of immediates", [nil, true, false, 0, -1, 2**62 - 1, -2**62, 1.5, 0.0, -0.0, :a, :+, "x"])
keep("recursive array", []).tap { |a| a << a << [a] }
class ArrayChild < Array
  def initialize(*)
    super
    @own = "ivar of an array"
  end
end
keep("array child", ArrayChild.new(5, "x"))
keep("array with ivars", [1, 2, 3]).instance_variable_set(:@on_array, "value")
keep("packed pointers", ["abc", "def"].pack("pp"))

# --- hashes

keep("empty hash", {})
(1..20).each { |size| keep("hash of #{size}", (1..size).to_h { |i| [i, "value #{i}"] }) }
(1..20).each { |size| keep("hash of #{size} strings", (1..size).to_h { |i| ["key #{i}", i] }) }
keep("hash of 20000", (1..20_000).to_h { |i| [i.to_s, i] })
keep("small hash with deletions", (1..8).to_h { |i| [i, i.to_s] }).tap { |h| [1, 4, 8].each { |i| h.delete(i) } }
keep("small hash all deleted", { a: 1, b: 2 }).tap { |h| h.delete(:a) }.delete(:b)
keep("hash with deletions", (1..100).to_h { |i| [i, i.to_s] }).tap { |h| (1..100).step(3) { |i| h.delete(i) } }
keep("hash all deleted", (1..100).to_h { |i| [i, i.to_s] }).tap { |h| (1..100).each { |i| h.delete(i) } }
keep("hash first deleted", (1..100).to_h { |i| [i, i.to_s] }).tap { |h| (1..90).each { |i| h.delete(i) } }
keep("hash cleared", (1..100).to_h { |i| [i, i] }).clear
keep("hash shifted", (1..100).to_h { |i| [i, i] }).tap { |h| 20.times { h.shift } }
keep("hash that grew again", (1..9).to_h { |i| [i, i] }).tap { |h| (2..9).each { |i| h.delete(i) } }[:again] = 1
keep("hash with default", Hash.new("default value"))[:a] = 1
keep("hash with default proc", Hash.new { |h, k| h[k] = k.to_s })[:a]
keep("large hash with default", Hash.new(0)).tap { |h| 100.times { |i| h[i] += i } }
keep("hash by identity", {}.compare_by_identity).tap { |h| 3.times { h["same".dup] = 1 } }
keep("large hash by identity", {}.compare_by_identity).tap { |h| 30.times { h["same".dup] = 1 } }
keep("empty hash by identity", {}.compare_by_identity)
keep("frozen hash", { a: { b: { c: "deep" } } }.freeze)
keep("hash of all keys", { 1 => 2, 1.5 => 2, 10e300 => 3, :a => 1, "a" => 2, nil => 3, true => 4, [1] => 5, { a: 1 } => 6, 2**70 => 7,
                           1r => 8, 1i => 9, Object => 10, (1..2) => 11 })
keep("recursive hash", {}).tap { |h| h[:self] = h; h[h] = 1 }
class HashChild < Hash
  attr_accessor :extra
end
keep("hash child", HashChild.new(5)).tap { |h| h.extra = "ivar of a hash"; h[:a] = "value" }
keep("hash with ivars", { a: 1 }).instance_variable_set(:@on_hash, "value")
keep("keywords hash", Hash.ruby2_keywords_hash({ a: 1, "b" => "c" }))
keep("environment", ENV)
keep("hash that is iterated", Fiber.new { (1..9).to_h { |i| [i, i.to_s] }.each { |pair| Fiber.yield(pair) } }).resume
keep("small hash that is iterated", Fiber.new { { a: 1, b: 2 }.each_pair { |k, v| Fiber.yield(k, v) } }).resume

# --- structs

(1..90).each do |count|
  members = (1..count).map { |i| :"member#{i}" }
  type = Object.const_set("StructOf#{count}", Struct.new(*members))
  keep("struct of #{count}", type.new(*members.map(&:to_s)))
  keep("half a struct of #{count}", type.new(*members.first(count / 2).map(&:to_s)))
end
where_possible { keep("struct of 0", (StructOf0 = Struct.new).new) }
Keyworded = Struct.new(:name, :age, keyword_init: true)
keep("keyworded struct", Keyworded.new(name: "Ada", age: 36))
class StructChild < Struct.new(:a, :b)
  def initialize(*)
    super
    @ivar = "of a struct"
  end
end
keep("struct child", StructChild.new("a", 2))
keep("anonymous struct", Struct.new(:x).new("x"))
keep("named struct", Struct.new("HeapwalkNamed", :x).new("x"))
keep("recursive struct", StructChild.new).tap { |s| s.a = s }
keep("frozen struct", StructChild.new([1], 2).freeze)
where_possible { keep("data", (DataType = Data.define(:width, :height)).new(width: "wide", height: 3)) }
where_possible { keep("data of none", Data.define.new) }
where_possible { keep("data of many", Data.define(*(1..30).map { |i| :"d#{i}" }).new(*(1..30).map(&:to_s))) }

# --- objects

keep("object", Object.new)
keep("basic object", BasicObject.new)
[0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 31, 32, 33, 78, 79, 100, 200].each do |count|
  type = Object.const_set("ObjectOf#{count}", Class.new)
  [(1..count).to_a, (1..count).to_a.reverse, (1..count).partition(&:odd?).flatten].each_with_index do |order, index|
    object = type.new
    order.each { |i| object.instance_variable_set("@ivar#{i}", i.even? ? "value #{i}" : i) }
    keep("object of #{count} in order #{index}", object)
  end
end
class Varied; end
# More orders than a class may have before its objects are called too complex.
60.times do |i|
  object = Varied.new
  (0..(i % 7)).each { |n| object.instance_variable_set("@v#{i}_#{n}", "value #{n}") }
  object.instance_variable_set(:@common, i)
  keep("varied object #{i}", object)
end
class Removed; end
12.times do |i|
  object = Removed.new
  10.times { |n| object.instance_variable_set("@r#{n}", n.to_s) }
  (0..i).step(2) { |n| object.remove_instance_variable("@r#{n}") if object.instance_variable_defined?("@r#{n}") }
  keep("object with removed ivars #{i}", object)
end
class Initialized
  def initialize(first, second)
    @first = first
    @second = second
    @third = nil
  end
end
keep("initialized object", Initialized.new("first", [2]))
class InitializedChild < Initialized
  def initialize
    super("a", "b")
    @child = :own
    @unicode_größe = 1
  end
end
keep("object of a child", InitializedChild.new)
keep("frozen object", InitializedChild.new.freeze)
keep("object with singleton methods", Object.new).tap do |o|
  o.define_singleton_method(:only_here) { |a, b = 1, *c, d:, e: 2, **f, &g| self }
  o.singleton_class.class_eval { attr_accessor :there }
  o.there = "singleton accessor"
  o.singleton_class.const_set(:INSIDE, "constant of a singleton")
end
keep("extended object", Object.new.extend(Comparable, Enumerable))
keep("object with an id", Object.new).object_id
keep("array with an id", [1]).object_id
keep("string with an id", +"id").object_id
keep("recursive object", Object.new).tap { |o| o.instance_variable_set(:@self, o) }
keep("duped object", KEPT["object of 8 in order 0"].dup)
keep("cloned object", KEPT["object with singleton methods"].clone)
keep("marshalled", Marshal.load(Marshal.dump(KEPT["object of 8 in order 0"])))

# --- classes and modules

module Outer
  VALUE = "constant"
  NUMBER = 17
  module Inner
    class Deep
      DEPTH = 3
      class << self
        attr_accessor :level
        def class_method; end

        private

        def private_class_method_of_ours; end
      end
      self.level = "class ivar"
      @@class_variable = "of Deep"
      @@second = 2
      def change; @@second += 1; end
    end
  end
  private_constant :NUMBER
  OLD = "deprecated"
  deprecate_constant :OLD
  autoload :NotYet, "/nowhere/not_yet.rb"
end
autoload :NotYetAtAll, "/nowhere/not_yet_at_all.rb"
Outer.const_set("Été", Class.new)
Outer.const_set("Ωmega", "greek")
Outer.const_set("Ä_#{"long" * 60}", 1)
Object.const_set("Straße", Module.new)
Alias = Outer::Inner::Deep

module Prepended
  def speak; super; end
end
module Included
  INCLUDED = "by include"
  def included_method; end
end
module Both
  include Included
  def both; end
end
class Parent
  include Both
  prepend Prepended
  attr_reader :reader
  attr_writer :writer
  attr_accessor :accessor
  def speak; "speak"; end
  def with_everything(a, (b, c), d = 1, *e, f, g:, h: 2, **i, &j); end
  def removed; end
  remove_method :removed
  def undefined; end
  undef_method :undefined
  undef_method :instance_variable_names if method_defined?(:instance_variable_names)
  undef inspect
  def aliased; end
  alias other_name aliased
  alias_method :third_name, :other_name
  define_method(:by_block) { |x, y = 2| [x, y] }
  define_method(:by_method, instance_method(:speak))
  define_method(:by_symbol, &:to_s)
  def method_missing(name, *rest); name == :phantom ? rest : super; end
  def respond_to_missing?(name, all = false); name == :phantom || super; end
  def öffnen; end
  def []=(key, value); end
  def +(other); self; end
  def !; false; end
  protected def guarded; end
  private def hidden; end
  class << self
    def build; new; end
    alias make build
  end
end
class Child < Parent
  public :hidden
  private :speak
  def self.inherited(child); (@children ||= []) << child; super; end
end
class GrandChild < Child
  include Comparable
  include Enumerable
  def each; yield 1; end
  def <=>(other); 0; end
end
2.times { Class.new(Child) }
keep("parent", Parent.new)
keep("grandchild", GrandChild.new)
keep("called methods", [Parent.new.phantom(1), KEPT["parent"].by_block(1), (KEPT["grandchild"].include?(1))])
keep("anonymous class", Class.new { def nameless; end })
keep("anonymous module", Module.new { def nameless; end })
keep("object of an anonymous class", KEPT["anonymous class"].new)
keep("anonymous child", Class.new(Parent))
Unnamed = keep("class named later", Class.new)
keep("class under an anonymous one", KEPT["anonymous class"].const_set(:Under, Class.new))
where_possible { keep("class with a temporary name", Class.new).set_temporary_name("heapwalk temporary") }
keep("singleton of singleton", Parent.singleton_class.singleton_class)
keep("singleton of an object", KEPT["object with singleton methods"].singleton_class)
keep("class duped", Parent.dup)
keep("class cloned", Outer::Inner::Deep.clone)
module WithFunction
  module_function

  def function; end
end
module Hooked
  def self.included(base); base.extend(ClassMethods); end
  module ClassMethods
    def from_hook; end
  end
end
class Host
  include Hooked
  extend Forwardable
  def_delegators :@list, :size, :<<, :each
  include Singleton
end
keep("singleton instance", Host.instance)
module Refining
  refine String do
    def refined_shout; upcase + "!"; end
    def length; super + 1; end
  end
  refine Integer do
    def refined_double; self * 2; end
  end
end
using Refining
keep("refined results", ["abc".refined_shout, 4.refined_double, "abc".length])
class BasicObjectChild < BasicObject
  def initialize; @inside = "basic"; end
end
keep("basic object child", BasicObjectChild.new)
class DelegatorOfOurs < SimpleDelegator; end
keep("delegator", DelegatorOfOurs.new([1, 2]))
keep("delegate class", DelegateClass(Array).new([1]))
class Object
  OBJECT_CONSTANT = "on Object"
end
class Outer::Inner::Deep
  protected_methods
  class_variable_set(:@@from_outside, [1])
end
module ModuleWithClassVariable
  @@of_module = "module's"
  def self.read; @@of_module; end
end
ModuleWithClassVariable.read
class MethodsOfC < Array
  alias c_size size
  public :initialize_copy
end

# --- numbers

keep("floats", [0.1, 1.0, -1.5, 0.0, -0.0, 1e-300, 1e300, 5e-324, Float::MAX, Float::MIN, Float::EPSILON, Float::NAN, Float::INFINITY,
                -Float::INFINITY, 3.7e-250, 1.7272337110188893e-77, 1.1579208923731619e77, 123456789.123456789])
[0.0 * -1, 1e-300, 1e300, Float::NAN, Float::INFINITY, -Float::INFINITY, 5e-324, -3.7e-250].each_with_index { |f, i| keep("float #{i}", f) }
[62, 63, 64, 65, 127, 128, 191, 192, 193, 256, 512, 1000, 5000, 100_000].each do |bits|
  keep("2**#{bits}", 2**bits)
  keep("-(2**#{bits})", -(2**bits))
  keep("2**#{bits}-1", 2**bits - 1)
end
keep("rational", 3r / 7)
keep("big rational", Rational(10**40, 3**50))
keep("complex", Complex(1, -2))
keep("complex of floats", Complex(1e300, 2.5))
keep("complex of rationals", Complex(1r / 3, 2**80))
keep("big decimal", BigDecimal("3.14159265358979323846264338327950288"))

# --- ranges, regexps, matches, times

keep("ranges", [1..10, 1...10, "a".."z", (1..), (..1), (nil..nil), 1.0..2.5, (Time.at(0)..Time.at(1)), (2**70..2**71), ("a"...)])
class RangeChild < Range
  def initialize(*)
    super
    @r = 1 unless frozen?
  end
end
keep("range child", RangeChild.new(1, 2, true))
keep("regexps", [/plain/, /i/i, /m/m, /x y # comment/x, /all/imx, /ünïcode/, /n/n, /e/e, /u/u, /s/s, //, %r{a/b}, /(?<year>\d+)-(?<month>\d+)/,
                 /\xff/n, /#{"inter" + "polated"}/, Regexp.new("a\nb"), Regexp.new("\u00e9".encode("ISO-8859-1")), Regexp.union("a.b", /c/)])
# Not a literal: 4.0.5 crashes when its parser meets one in there.
ONLY = "only"
3.times { |i| keep("once regexp #{i}", /once #{ONLY}/o) }
class RegexpChild < Regexp; end
keep("regexp child", RegexpChild.new("child"))
keep("match", /(?<first>\w+) (?<second>\w+)?/.match("hello world of matches"))
keep("match without names", /(l+)(x)?/.match("hello"))
keep("match of nothing", //.match(""))
keep("match in a long string", /needle/.match("hay " * 100 + "needle" + " hay" * 100))
keep("match in unicode", /日(本)/.match("これは日本です"))
keep("match by string", "a.b".then { |s| s.match(/\./); $~ })
keep("match by gsub", "abc".gsub(/b/) { $& }.then { $~ })
keep("match with ivars", /a/.match("a")).instance_variable_set(:@on_match, "value")
keep("times", [Time.at(0), Time.at(0).utc, Time.new(2026, 7, 28, 12, 0, 0, "+09:00"), Time.at(1, 123_456_789, :nsec), Time.at(2**70), Time.at(1r / 3)])
keep("time with zone", Time.now.tap { |t| t.zone; t.to_a })
keep("date", Date.new(2026, 7, 28))
keep("datetime", DateTime.new(2026, 7, 28, 1, 2, 3))

# --- files and the like

keep("file", File.open(__FILE__))
keep("file that was read", File.open(__FILE__).tap { |f| f.gets; f.ungetc("x") })
keep("file in binary", File.open(__FILE__, "rb"))
keep("file with encodings", File.open(__FILE__, "r:ISO-8859-1:UTF-8").tap(&:gets))
keep("file for writing", File.open(File::NULL, "w").tap { |f| f.write("buffered") })
keep("file both ways", File.open(File::NULL, "r+"))
keep("closed file", File.open(__FILE__).tap(&:close))
keep("directory as a file", File.open("/"))
keep("pipe", IO.pipe)
keep("socket pair", UNIXSocket.pair)
keep("datagram sockets", UNIXSocket.pair(:DGRAM))
begin
  keep("tcp server", TCPServer.new("127.0.0.1", 0))
  keep("tcp client", TCPSocket.new("127.0.0.1", KEPT["tcp server"].addr[1]))
  keep("tcp accepted", KEPT["tcp server"].accept)
  keep("udp socket", UDPSocket.new)
  keep("addrinfo", KEPT["tcp server"].local_address)
rescue SystemCallError
  nil
end
keep("process in a pipe", IO.popen(["cat"], "r+"))
keep("directory", Dir.open("/"))
keep("closed directory", Dir.open("/").tap(&:close))
keep("file status", File.stat(__FILE__))
keep("temporary file", Tempfile.new("heapwalk", __dir__))
keep("file with ivars", File.open(__FILE__)).instance_variable_set(:@on_file, "value")
keep("string io", StringIO.new("text"))
keep("string scanner", StringScanner.new("scanned text").tap { |s| s.scan(/\w+/) })
keep("path", Pathname.new("/some/path"))
keep("arguments", ARGF)
Process.wait(fork { exit!(3) })
keep("status", $?)
keep("process times", Process.times)
keep("console", [$stdin, $stdout, $stderr, STDIN, STDOUT, STDERR])

# --- procs, methods, bindings

def with_block(&block); block; end

def make_procs(captured)
  local = "local of make_procs"
  {
    "proc" => proc { |x| [x, captured, local] },
    "lambda" => lambda { |x, y = captured, *z, k: 1, **o, &b| [local] },
    "stabby lambda" => ->(x, (y, z), *) { local },
    "proc from a block" => with_block { local },
    "nested proc" => proc { |a| deep = "deep"; proc { |b| deeper = "deeper"; proc { |c| [a, b, c, deep, deeper, local] }.tap { |p| p.call(1) } } },
    "binding" => binding,
  }
end
make_procs("captured value").each { |name, made| keep(name, made) }
keep("called nested proc", KEPT["nested proc"].call("outer argument"))
keep("twice called nested proc", KEPT["called nested proc"].call("inner argument"))
keep("proc from a symbol", :upcase.to_proc)
keep("proc from a method", 1.method(:+).to_proc)
keep("proc from a ruby method", method(:with_block).to_proc)
keep("curried", ->(a, b, c) { [a, b, c] }.curry)
keep("half curried", KEPT["curried"][1])
keep("composed", method(:Integer) >> :to_s.to_proc)
keep("proc from a hash", { a: 1 }.to_proc)
keep("proc with ivars", proc {}).instance_variable_set(:@on_proc, "value")
class ProcChild < Proc; end
keep("proc child", ProcChild.new { "child" })
keep("proc without environment", eval("proc { }", TOPLEVEL_BINDING))
keep("binding with more", binding.tap { |b| b.local_variable_set(:added, "later"); b.eval("evaluated = 1; more = [added]") })
keep("methods", [1.method(:+), "a".method(:upcase), KEPT["parent"].method(:speak), KEPT["parent"].method(:other_name),
                 KEPT["parent"].method(:by_block), KEPT["parent"].method(:reader), KEPT["parent"].method(:phantom), Parent.method(:build),
                 KEPT["struct of 3"].method(:member1), KEPT["struct of 12"].method(:member12=), method(:puts)])
keep("unbound methods", [String.instance_method(:upcase), Parent.instance_method(:speak), Child.instance_method(:hidden)])
keep("instruction sequence", RubyVM::InstructionSequence.compile("def g(a, b = 2); a.each { |x| x + b }; end"))
keep("syntax tree", (RubyVM::AbstractSyntaxTree.parse("1 + [2, 'three'].size") rescue nil))
keep("locations", caller_locations(0))
keep("trace point", TracePoint.new(:call, :return) { |tp| tp.path })
keep("targeted trace point", TracePoint.new(:line) { |tp| tp.lineno }.tap { |tp| tp.enable(target: method(:make_procs)) })
def with_locals(a, *b, c: 3); d = a + c; binding; end
keep("binding of a method", with_locals(1, 2, c: 4))
def last_match_of_frame; "frame" =~ /r(a)/; binding; end
keep("binding with a match", last_match_of_frame)
def with_keywords(a: 1, **b); b; end
keep("keywords", with_keywords(a: 2, x: "y"))

# --- enumerators

keep("enumerator", [1, 2, 3].each)
keep("enumerator with arguments", "a b c".each_line(" "))
keep("external enumerator", [1, 2, 3].each.tap { |e| e.next; e.peek })
keep("exhausted enumerator", [1].each.tap { |e| e.next; (e.next rescue nil) })
keep("generator", Enumerator.new { |y| y << 1 << 2; y.yield(3) }.tap(&:next))
keep("sized enumerator", Enumerator.new(42) { |y| y << 1 })
keep("lazy", (1..Float::INFINITY).lazy.map { |x| x * 2 }.select(&:even?).reject(&:zero?).zip(1..5).with_index)
keep("started lazy", (1..Float::INFINITY).lazy.map { |x| x * 2 }.tap(&:next))
keep("eager", (1..3).lazy.map { |x| x }.eager)
keep("chain", [1, 2].each + [3] + (4..5))
keep("with index", %w[a b].each.with_index(1))
keep("with object", %w[a b].each_with_object([]))
keep("produced", Enumerator.produce(1) { |x| x * 2 }.tap { |e| 3.times { e.next } })
keep("arithmetic sequence", 1.step(10, 3))
keep("percent range", (1..10) % 3)
where_possible { keep("product", Enumerator::Product.new([1, 2], [3, 4])) }
keep("slices", [Fiber.new { [1, 2, 3].each_slice(2) { |s| Fiber.yield(s) } }, Fiber.new { (1..5).each_cons(2) { |s| Fiber.yield(s) } },
                Fiber.new { %w[bb a].sort_by { |s| Fiber.yield(s); s } }, Fiber.new { (1..3).inject { |a, b| Fiber.yield(a); a + b } },
                Fiber.new { (1..3).each_with_index.map { |a, b| Fiber.yield(a) } }, Fiber.new { [1, 2].to_h { |a| Fiber.yield(a); [a, a] } },
                Fiber.new { "a1b2".gsub(/\d/) { |d| Fiber.yield(d); d } }, Fiber.new { [3, 1].min_by { |d| Fiber.yield(d); d } },
                Fiber.new { (1..4).slice_when { |a, b| b.odd? }.each { |d| Fiber.yield(d) } },
                Fiber.new { (1..4).chunk_while { |a, b| b.odd? }.each { |d| Fiber.yield(d) } },
                Fiber.new { [1, 2, 3].combination(2) { |d| Fiber.yield(d) } }, Fiber.new { { b: 1 }.sort_by { |d| Fiber.yield(d); 1 } }]).each(&:resume)

# --- fibers and threads

keep("new fiber", Fiber.new { |x| x })
keep("suspended fiber", Fiber.new { |x| inside = "inside a fiber"; Fiber.yield(x); inside }).resume("first")
keep("ended fiber", Fiber.new { "result" }).resume
keep("failed fiber", Fiber.new { raise "inside" }).tap { |f| f.resume rescue nil }
keep("nested fiber", Fiber.new { inner = Fiber.new { Fiber.yield("inner") }; inner.resume; Fiber.yield(inner) }).resume
keep("fiber that catches", Fiber.new { catch(:done) { catch("other") { Fiber.yield } } }).resume
keep("fiber that rescues", Fiber.new { begin; raise "first"; rescue => e; begin; Fiber.yield(e); ensure; @left = 1; end; end }).resume
keep("fiber that ensures", Fiber.new { begin; Fiber.yield; ensure; "ensured"; end }).resume
mutex = keep("mutex", Mutex.new)
keep("free mutex", Mutex.new)
monitor = keep("monitor", Monitor.new)
queue = keep("queue", Queue.new)
keep("filled queue", Queue.new.tap { |q| q << "queued" << [1] << :sym })
keep("closed queue", Queue.new.tap(&:close))
keep("sized queue", SizedQueue.new(2).tap { |q| q << "one" << "two" })
condition = keep("condition variable", ConditionVariable.new)
keep("monitor condition", monitor.new_cond)
mutex.lock
group = keep("thread group", ThreadGroup.new)

def thread_of(name, &block)
  keep("thread #{name}", Thread.new(&block)).tap { |t| t.name = name; t.report_on_exception = false }
end
thread_of("sleeping") { Thread.current[:local] = "fiber local"; Thread.current.thread_variable_set(:variable, "thread variable"); sleep }
thread_of("popping") { local = "local of popping"; queue.pop; local }
thread_of("blocked") { mutex.synchronize { "never" } }
thread_of("waiting") { own = Mutex.new; own.synchronize { condition.wait(own) } }
thread_of("pushing") { KEPT["sized queue"] << "three" }
thread_of("in monitor") { monitor.synchronize { monitor.synchronize { sleep } } }
thread_of("stopped") { Thread.stop }
thread_of("joining") { KEPT["thread sleeping"].join }
thread_of("reading") { KEPT["pipe"][0].read(1) }
thread_of("selecting") { IO.select([KEPT["pipe"][0]]) }
thread_of("in a fiber") { Fiber.new { held = "held by a fiber of a thread"; sleep; held }.resume }
thread_of("catching") { catch(:never) { sleep } }
thread_of("rescuing") { begin; raise ArgumentError, "kept"; rescue => e; sleep; e; end }
thread_of("ensuring") { begin; raise "passing"; ensure; sleep; end }
thread_of("timed") { sleep(100_000) }
thread_of("größe") { sleep }
thread_of("ended") { "value of a thread" }.join
thread_of("failed") { raise IOError, "failure of a thread" }.tap { |t| t.join rescue nil }
thread_of("killed") { sleep }.tap { |t| Thread.pass until t.stop?; t.kill; t.join }
keep("nameless thread", Thread.new { sleep })
group.add(KEPT["thread timed"])
THREADS = KEPT.values.grep(Thread).select(&:alive?)

# --- weak references, finalizers, ends

weak_target = keep("weak target", +"target of weak references")
keep("weak reference", WeakRef.new(weak_target))
keep("weak map", ObjectSpace::WeakMap.new).tap { |m| m[weak_target] = KEPT["object"]; m["gone".dup] = Object.new }
where_possible { keep("weak key map", ObjectSpace::WeakKeyMap.new)[weak_target] = "value" }
def finalizer_of(what); proc { |id| what }; end
keep("finalized object", Object.new).tap { |o| ObjectSpace.define_finalizer(o, finalizer_of("finalizer's")) }
keep("finalized string", +"finalized").tap { |o| ObjectSpace.define_finalizer(o, finalizer_of(1)); ObjectSpace.define_finalizer(o, finalizer_of(2)) }
at_exit { KEPT.clear }
at_exit(&finalizer_of("at exit"))
END { KEPT.size }

# --- the rest of T_DATA

keep("random", Random.new(42).tap(&:rand))
keep("converter", Encoding::Converter.new("UTF-8", "ISO-8859-1", universal_newline: true))
keep("encodings", Encoding.list.first(12))
keep("set", Set[1, "two", :three])
keep("sorted", [3, 1, 2].sort)
keep("processes", Process.clock_gettime(Process::CLOCK_MONOTONIC))
keep("object space statistics", ObjectSpace.trace_object_allocations { Object.new })
keep("signals", Signal.trap("USR2") { KEPT.size })
keep("comparable", Comparable)

# --- exceptions

def fail_deep(depth)
  depth.zero? ? raise(ArgumentError, "deep") : fail_deep(depth - 1)
end

def caught
  yield
rescue Exception => e
  e
end
keep("exception", caught { fail_deep(3) })
keep("exception with cause", caught { begin; fail_deep(1); rescue; raise TypeError, "outer"; end })
keep("name error", caught { undefined_name_of_ours })
keep("method error", caught { KEPT["object"].no_such_method(1) })
keep("key error", caught { { a: 1 }.fetch(:b) })
keep("frozen error", caught { "x".freeze << "y" })
keep("system error", caught { File.open("/no/such/file") })
keep("stop iteration", caught { [].each.next })
keep("throw error", caught { throw :nobody })
keep("exit", caught { exit(4) })
keep("syntax error", caught { eval("def (") })
keep("stack error", caught { (recursion = lambda { recursion.call }).call })
keep("exception never raised", RuntimeError.new("calm"))
keep("exception with backtrace set", RuntimeError.new("set").tap { |e| e.set_backtrace(["a:1", "b:2"]) })
keep("exception with locations read", caught { fail_deep(2) }.tap { |e| e.backtrace; e.backtrace_locations })

# --- globals

$plain = "plain global"
$unicode_größe = [1]
$nothing = nil
alias $other_name $plain
trace_var(:$traced, proc { |value| KEPT[:traced] = value })
$traced = "traced value"
$, = nil
"last match" =~ /(match)/
$_ = "last line"
$stderr.sync = true
KEPT.delete(:traced)

# --- many small ones of the same class, so that pages of every size are full and have holes

keep("holes", Array.new(5000) { |i| [Object.new, "text #{i}", { i => i.to_s }, [i.to_s] * (i % 20), ("x" * (i % 700))] }.each_slice(3).map(&:first))

if ENV["HEAPWALK_ZOMBIES"]
  # Who finalizes first never ends: the others stay zombies. It may be the main thread's turn, though: then once more.
  keep("thread finalizing", Thread.new do
    own = Thread.current
    blocking = proc { sleep if Thread.current.equal?(own) }
    loop do
      100.times { ObjectSpace.define_finalizer(Object.new, blocking) }
      GC.start
    end
  end)
  sleep(0.05) until KEPT["thread finalizing"].stop?
end

Thread.pass until THREADS.all?(&:stop?)

Target.command("made") do |path|
  File.open(path, "w") do |file|
    KEPT.each do |name, object|
      file.puts({ name: name, address: Target.address(object), type: Target.type(object), class: Kernel.instance_method(:class).bind(object).call.name,
                  memsize: ObjectSpace.memsize_of(object) }.to_json)
    end
  end
end

# Names what an object refers to.
module Named
  IVARS = Kernel.instance_method(:instance_variables)
  IVAR = Kernel.instance_method(:instance_variable_get)
  LONGEST_KEY = 40

  def self.key(key)
    case key
    when Symbol, String
      text = key.to_s
      return unless (text.encoding == Encoding::UTF_8 || text.encoding == Encoding::US_ASCII) && text.valid_encoding?
      text = "#{text[0, LONGEST_KEY]}…" if text.size > LONGEST_KEY
      Symbol === key ? "{:#{text}}" : "{\"#{text}\"}"
    when -2**62...2**62, nil, true, false then "{#{key.inspect}}"
    else "{value}"
    end
  end

  # Yields names and objects.
  def self.each(object, &block)
    IVARS.bind(object).call.each { |name| yield(name.to_s, IVAR.bind(object).call(name)) } unless BasicObjectChild === object
    case object
    when Array then object.each_with_index { |element, index| yield("[#{index}]", element) }
    when Hash
      object.each_pair do |key, value|
        yield("{key}", key)
        name = key(key)
        yield(name, value) if name
      end
    when Struct then object.members.zip(object.to_a) { |name, value| yield(name.to_s, value) }
    when Module then constants_of(object, &block)
    when Proc, Binding then locals_of(object, &block)
    end
  end

  def self.constants_of(object)
    object.constants(false).each do |name|
      yield("::#{name}", object.const_get(name, false)) unless object.autoload?(name)
    rescue NameError
      # One that was loaded on demand, but by another file.
      nil
    end
    object.class_variables(false).each { |name| yield(name.to_s, object.class_variable_get(name)) }
  end

  def self.locals_of(object)
    binding = Proc === object ? (object.binding rescue nil) : object
    binding&.local_variables&.each { |name| yield("local #{name}", binding.local_variable_get(name)) }
  end

  def self.write(path, objects, naming)
    File.open(path, "w") do |file|
      objects.each do |object|
        from = Target.address(object)
        naming.call(object) do |name, other|
          to = Target.address(other)
          file.puts("#{from} #{Target.hex(name)} #{to}") if to
        end
      end
    end
  end
end
Target.command("names") { |path| Named.write(path, ObjectSpace.each_object.to_a, Named.method(:each)) }
Target.command("weak") do |path|
  weak = lambda do |map, &block|
    map.keys.each { |key| block.call("{key}", key) } if map.respond_to?(:keys)
    map.values.each { |value| block.call("{value}", value) } if map.respond_to?(:values)
  end
  Named.write(path, ObjectSpace.each_object(ObjectSpace::WeakMap).to_a, weak)
end

Target.serve
