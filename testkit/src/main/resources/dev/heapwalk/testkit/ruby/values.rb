# SPDX-License-Identifier: Apache-2.0
# A table of values that describes itself.
#
#   values PATH    writes for each value a line of JSON:
#     name          its name here
#     address       where it is, null for an immediate value
#     class         name of its class, null for an anonymous one
#     type          its T_ type, null for an immediate value
#     inspect       the bytes of what inspect gives, in hex; cut after Target::LONGEST bytes
#     encoding      of what has one
#     frozen        whether it is
#     ivars         pairs of a name and a reference, those that instance_variables tells
#   and what belongs to its class. Bytes are in hex throughout. A reference is {"address": …, "inspect": hex}; address
#   is null for an immediate value.

require_relative "target"
require "bigdecimal"
require "date"
require "set"

$VERBOSE = nil
VALUES = {}

def value(name, object)
  raise "#{name} is there already" if VALUES.key?(name)
  VALUES[name] = object
end

# --- immediates

value("nil", nil)
value("true", true)
value("false", false)
[0, 1, -1, 2, 127, 128, 255, 256, 2**30, 2**31, 2**32, -(2**31), -(2**32), 2**61, 2**62 - 1, -(2**62), 123_456_789_012].each do |i|
  value("fixnum #{i}", i)
end
[0.0, -0.0, 1.0, -1.0, 0.1, 0.2, 0.1 + 0.2, 1.5, 2.5e10, 1e100, 1e-100, 1e76, 1e77, 1e78, 1e-76, 1e-77, 1e-78, 1e300, -1e300, 1e-300, 5e-324, -5e-324,
 2.2250738585072014e-308, Float::MAX, -Float::MAX, Float::MIN, Float::EPSILON, Float::INFINITY, -Float::INFINITY, Float::NAN, 3.7e-250,
 1.7272337110188893e-77, 1.727233711018889e-77, 1.1579208923731619e77, 1.157920892373162e77, 123456789.123456789, 1e15, 1e16, 1e23, 9007199254740993.0, 100.0, 1e-5,
 0.0001].each_with_index { |f, i| value("float #{i}", f) }
value("odd NaN", ["7ff8000000000123"].pack("H*").unpack1("G"))
value("negative NaN", ["fff8000000000000"].pack("H*").unpack1("G"))
value("signalling NaN", ["7ff0000000000001"].pack("H*").unpack1("G"))

# --- big numbers

[62, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 320, 512, 1000, 4000].each do |bits|
  value("2**#{bits}", 2**bits)
  value("-(2**#{bits})", -(2**bits))
  value("2**#{bits}-1", 2**bits - 1)
end
value("10**18", 10**18)
value("10**19", 10**19)
value("10**40", 10**40)
value("-(10**40)+1", -(10**40) + 1)
value("factorial of 200", (1..200).inject(:*))
value("bignum with zeros inside", 2**200 + 1)
value("rational", 1r / 3)
value("negative rational", -22r / 7)
value("whole rational", 5r)
value("big rational", Rational(10**40, 3**50))
value("complex", Complex(1, -2))
value("complex of floats", Complex(1.5, Float::NAN))
value("complex of rationals", Complex(1r / 3, 2r))
value("imaginary", 3i)
value("big complex", Complex(2**70, -(2**80)))
value("polar complex", Complex.polar(1, 2))

# --- strings

(0..26).each { |length| value("string of #{length}", "0123456789abcdefghijklmnopqrstuvwxyz"[0, length]) }
[47, 48, 55, 56, 87, 88, 127, 128, 151, 152, 183, 184, 295, 296, 297, 615, 616, 617, 631, 632, 1000].each { |length| value("string of #{length}", "x" * length) }
value("very long string", Array.new(30_000) { |i| i.to_s(36) }.join(" "))
value("very long unicode string", "größe 日本 \u{1f600} " * 10_000)
value("umlauts", "größe")
value("japanese", "日本語のテキスト")
value("emoji", "\u{1f600}\u{1f468}\u200d\u{1f469}")
value("combining", "e\u0301")
value("nul inside", "a\0b\0")
value("controls", (0..31).map(&:chr).join + "\x7f")
value("quotes", %q("double" 'single' \back #{no} #$no #@no))
value("line ends", "a\nb\r\nc\rd")
value("bom", "\ufeffbom")
value("private use", "\ue000\u{f0000}\u{10fffd}")
value("noncharacter", "\ufffe\uffff")
value("line separators", "\u2028\u2029\u0085")
value("bidi", "\u202eright to left\u202c")
value("json in a string", '{"a": "\u0041"}')
value("invalid byte", "a\xffb")
value("invalid start", "\xc3")
value("invalid rest", "\x80\x80")
value("overlong", "\xc0\xaf")
value("surrogates", "\xed\xa0\xbd\xed\xb8\x80")
value("above unicode", "\xf4\x90\x80\x80")
value("invalid at the end", "日本\xe6\x97")
value("long invalid", "ok \xff " * 200)
value("binary", (0..255).to_a.pack("C*"))
value("long binary", (0..255).to_a.pack("C*") * 20)
value("ascii in binary", "plain".b)
value("us-ascii", "plain".encode("US-ASCII"))
value("invalid us-ascii", "pl\xe4in".dup.force_encoding("US-ASCII"))
%w[UTF-16LE UTF-16BE UTF-32LE UTF-32BE Shift_JIS EUC-JP ISO-8859-1 ISO-8859-15 Windows-1252 Windows-1251 KOI8-R Big5 GB18030 GBK EUC-KR UTF-8-MAC IBM437 macRoman
   Windows-31J ISO-2022-JP UTF-7 UTF-16 UTF-32 CP50221 EUC-TW Emacs-Mule stateless-ISO-2022-JP TIS-620].each do |name|
  encoding = Encoding.find(name)
  ["plain", "größe", "日本語", "привет"].each do |text|
    value("#{text} in #{name}", text.encode(encoding))
  rescue EncodingError
    value("bytes of #{text} in #{name}", text.dup.force_encoding(encoding))
  end
  value("broken in #{name}", "\xff\x81".dup.force_encoding(encoding))
end
value("empty in UTF-16LE", "".encode("UTF-16LE"))
frozen_parent = value("shared string", "shared by others " * 40)
value("dup of the shared", frozen_parent.dup)
value("tail of the shared", frozen_parent[300..-1])
value("middle of the shared", frozen_parent[10, 500])
value("short part of the shared", frozen_parent[10, 5])
value("frozen string", "frozen".freeze)
value("long frozen string", ("frozen " * 100).freeze)
value("interned string", -("interned " * 30))
value("string that shrank", ("s" * 500).tap { |s| s.replace("small") })
value("string that was cleared", ("s" * 500).clear)
value("string with capacity", String.new("c", capacity: 10_000))
value("string with ivars", +"with ivars").tap { |s| s.instance_variable_set(:@a, 1); s.instance_variable_set(:@größe, "two") }
class StringChild < String
  def inspect; "#<StringChild #{super}>"; end
end
value("string child", StringChild.new("child"))
value("string child with ivars", StringChild.new("child")).instance_variable_set(:@own, [1])

# --- symbols

%i[a b? c! d= @iv @@cv $gv Const + - * / % ** == != === =~ !~ ! ~ +@ -@ [] []= << >> <=> < <= > >= & | ^ ` $1 $& $~].each { |s| value("symbol #{s}", s) }
value("empty symbol", :"")
value("symbol with spaces", :"with some spaces")
value("symbol with quotes", :"with \" quotes")
value("unicode symbol", :größe)
value("japanese symbol", :日本語)
value("dynamic symbol", "made #{1 + 1} dynamically".to_sym)
value("long dynamic symbol", ("dynamic" * 100).to_sym)
value("dynamic unicode symbol", ("dyn" + "größe").to_sym)
value("latin symbol", "gr\xf6\xdfe".dup.force_encoding("ISO-8859-1").to_sym)
value("binary symbol", "\xfe\xff".b.to_sym)
value("wide symbol", "wide".encode("UTF-16LE").to_sym)
value("sjis symbol", "日本".encode("Shift_JIS").to_sym)

# --- arrays

value("empty array", [])
(1..8).each { |size| value("array of #{size}", Array.new(size) { |i| i * i }) }
[15, 16, 17, 77, 78, 79, 100].each { |size| value("array of #{size}", Array.new(size) { |i| i.even? ? i : i.to_s }) }
value("array of all kinds", [nil, true, false, 1, -1, 2**70, 1.5, 1e300, :sym, "str", [], {}, 1..2, /re/, 1r, 2i, Object, Kernel])
value("nested array", [[[[[["deep"]]]]]])
value("recursive array", [1]).tap { |a| a << a << [a, [a]] }
shared_array = value("shared array", (1..300).map { |i| i % 3 == 0 ? i.to_s : i })
value("tail of the shared array", shared_array[200..-1])
value("middle of the shared array", shared_array[50, 100])
value("dup of the shared array", shared_array.dup)
value("shifted array", (1..50).to_a.tap { |a| 20.times { a.shift } })
value("unshifted array", (1..50).to_a.tap { |a| 20.times { |i| a.unshift(-i) } })
value("popped array", (1..50).to_a.tap { |a| 48.times { a.pop } })
value("frozen array", [1, "two", [3]].freeze)
class ArrayChild < Array; end
value("array child", ArrayChild.new([1, 2]))
value("array with ivars", [1]).instance_variable_set(:@on_array, :x)
value("long array", (1..1000).to_a)
value("array of the same", ["same"] * 5)

# --- hashes

value("empty hash", {})
[1, 2, 7, 8, 9, 16, 17, 50].each { |size| value("hash of #{size}", (1..size).to_h { |i| [i, i.to_s] }) }
value("hash with symbols", { a: 1, "b c": 2, größe: 3, "d" => 4 })
value("hash of all kinds", { nil => nil, true => false, 1 => 1.5, 2**70 => 1, 1e300 => 2, "s" => :s, [1] => {}, { a: 1 } => [], Object => 1, (1..2) => 3, 1r => 1 })
value("small hash with deletions", (1..8).to_h { |i| [i, i.to_s] }).tap { |h| [1, 4, 8].each { |i| h.delete(i) } }
value("hash with deletions", (1..100).to_h { |i| [i, i.to_s] }).tap { |h| (1..100).each { |i| h.delete(i) if i % 7 != 0 } }
value("hash with first deleted", (1..30).to_h { |i| [i, i] }).tap { |h| (1..20).each { |i| h.delete(i) } }
value("hash all deleted", (1..30).to_h { |i| [i, i] }).tap { |h| (1..30).each { |i| h.delete(i) } }
value("hash deleted and filled", (1..30).to_h { |i| [i, i] }).tap { |h| (1..30).each { |i| h.delete(i) }; (1..5).each { |i| h[i] = "again" } }
value("hash with default", Hash.new("default"))[:a] = 1
value("large hash with default", Hash.new([])).tap { |h| 20.times { |i| h[i] = i } }
value("hash with default proc", Hash.new { |h, k| h[k] = 1 })[:a]
value("hash by identity", {}.compare_by_identity).tap { |h| 3.times { |i| h["k".dup] = i } }
value("large hash by identity", {}.compare_by_identity).tap { |h| 12.times { |i| h["k".dup] = i } }
value("recursive hash", {}).tap { |h| h[:self] = h; h[:list] = [h] }
value("hash by itself", {}).tap { |h| h[h] = 1 }
value("nested hash", { a: { b: { c: { d: "deep" } } } })
value("frozen hash", { a: "b" }.freeze)
class HashChild < Hash; end
value("hash child", HashChild[a: 1, b: 2])
value("hash with ivars", { a: 1 }).instance_variable_set(:@on_hash, :x)
value("keywords hash", Hash.ruby2_keywords_hash({ a: 1 }))
value("long hash", (1..500).to_h { |i| ["key #{i}", i] })
value("set", Set[1, "two", :three])

# --- structs

Point = Struct.new(:x, :y)
value("struct", Point.new(1, "two"))
value("half a struct", Point.new(1))
value("recursive struct", Point.new(1)).tap { |s| s.y = s }
Keyworded = Struct.new(:name, :größe, keyword_init: true)
value("keyworded struct", Keyworded.new(name: "Ada", größe: 2))
class PointChild < Point
  def initialize(*)
    super
    @extra = "ivar"
  end
end
value("struct child", PointChild.new(3, 4))
value("anonymous struct", Struct.new(:a).new([1]))
[1, 3, 4, 5, 10, 16, 17, 30, 78, 79].each do |count|
  value("struct of #{count}", Object.const_set("Of#{count}", Struct.new(*(1..count).map { |i| :"m#{i}" })).new(*(1..count).map { |i| i.odd? ? i : i.to_s }))
end
if defined?(Data) && Data.respond_to?(:define)
  Sized = Data.define(:width, :height)
  value("data", Sized.new(width: 1, height: "two"))
  value("data of none", Data.define.new)
end
value("range", 1..10)
value("range without the end", 1...10)
value("endless range", (1..))
value("beginless range", (..1))
value("range of nothing", (nil..nil))
value("range of strings", "a".."z")
value("range of floats", 1.5...2.5)
value("range of big ones", 2**70..2**71)

# --- regexps, matches

value("regexp", /a+b/)
value("regexp with options", /a b/imx)
value("regexp ignoring case", /a/i)
value("unicode regexp", /größe/)
value("fixed regexp", /a/u)
value("binary regexp", /\xff/n)
value("none regexp", /a/n)
value("sjis regexp", Regexp.new("日本".encode("Shift_JIS")))
value("eucjp regexp", /a/e)
value("empty regexp", //)
value("regexp with slashes", %r{a/b})
value("regexp with newline", Regexp.new("a\nb"))
value("named regexp", /(?<year>\d+)-(?<month>\d+)/)
value("long regexp", Regexp.union(*(1..100).map { |i| "word#{i}" }))
class RegexpChild < Regexp; end
value("regexp child", RegexpChild.new("child", true))
value("match", /(l+)(x)?(o)/.match("hello"))
value("named match", /(?<first>\w+) (?<größe>\w+)/.match("some words here"))
value("match in unicode", /本(語)/.match("これは日本語です"))
value("match of nothing", //.match("x"))
value("match at the end", /\z/.match("end"))
value("match of a long one", /needle/.match("hay" * 200 + "needle"))

# --- objects

value("object", Object.new)
[0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 16, 17, 30, 64, 65, 79, 80, 150, 200].each do |count|
  type = Object.const_set("Object#{count}", Class.new)
  up = (1..count).to_a
  { "up" => up, "down" => up.reverse, "mixed" => up.partition(&:odd?).flatten, "thirds" => up.group_by { |i| i % 3 }.values.flatten }.each do |order, numbers|
    value("object with #{count} ivars #{order}", numbers.each_with_object(type.new) { |i, o| o.instance_variable_set("@i#{i}", i.odd? ? i : i.to_s) })
  end
end
class Varied; end
40.times do |i|
  value("varied #{i}", (0..(i % 6)).each_with_object(Varied.new) { |n, o| o.instance_variable_set("@v#{i}_#{n}", [i, n]) })
end
class Removing; end
8.times do |i|
  object = value("object after #{i} removals", Removing.new)
  8.times { |n| object.instance_variable_set("@r#{n}", n) }
  i.times { |n| object.remove_instance_variable("@r#{n * 3 % 8}") }
end
class Nils
  def initialize; @a = nil; @b = false; @c = nil; end
end
value("object with nils", Nils.new)
class Parent
  def initialize; @parent = "p"; end
end
class Child < Parent
  def initialize; super; @child = :c; @größe = 3; end
end
value("object of a child", Child.new)
value("object of a child frozen", Child.new.freeze)
value("object of a child with more", Child.new).instance_variable_set(:@later, 1.5)
value("object with singleton", Child.new).define_singleton_method(:alone) { 1 }
value("recursive object", Child.new).tap { |o| o.instance_variable_set(:@self, o) }
value("object of an anonymous class", Class.new { def initialize; @in = 1; end }.new)
value("exception", RuntimeError.new("message"))
value("raised exception", begin; raise ArgumentError, "größe"; rescue => e; e; end)
value("dup with more", VALUES["object with 8 ivars up"].dup).instance_variable_set(:@more, 1)

# --- classes and modules

module Outer
  module Inner
    class Deep; end
  end
end
Outer.const_set("Été", Class.new)
Outer.const_set("Größe", Module.new)
value("class", Outer::Inner::Deep)
value("module", Outer)
value("unicode class", Outer.const_get("Été"))
value("unicode module", Outer.const_get("Größe"))
value("anonymous class", Class.new)
value("anonymous module", Module.new)
value("class under an anonymous module", VALUES["anonymous module"].const_set(:Under, Class.new))
value("singleton class", Outer::Inner::Deep.singleton_class)
value("singleton class of an object", VALUES["object with singleton"].singleton_class)
value("core class", String)
value("core module", Kernel)
value("basic object class", BasicObject)
value("named struct class", Point)
value("class renamed", Class.new).tap { |c| Outer.const_set(:First, c); Object.const_set(:Second, c) }
value("refinement", Module.new { @refinement = refine(String) {} }.instance_variable_get(:@refinement))

# --- other data

value("time", Time.at(0).utc)
value("time with fractions", Time.at(1_600_000_000, 123_456_789, :nsec).utc)
value("time with offset", Time.new(2026, 7, 28, 1, 2, 3, "+09:00"))
value("far time", Time.at(2**60).utc)
value("rational time", Time.at(1r / 3).utc)
value("proc", proc { |x| x })
value("lambda", ->(x) { x })
value("method", 1.method(:+))
value("unbound method", String.instance_method(:upcase))
value("encoding", Encoding::Shift_JIS)
value("date", Date.new(2026, 7, 28))
value("big decimal", BigDecimal("1.234567890123456789"))
value("enumerator", [1, 2].each_with_index)
value("random", Random.new(42))
value("proc with ivars", proc {}).instance_variable_set(:@on_proc, 1)

def hex(text)
  Target.hex(text)
end

def inspected(object)
  Target.inspected(object)
end

def reference(object)
  Target.reference(object)
end

def ivars(object)
  object.instance_variables.map { |name| [hex(name.to_s), reference(object.instance_variable_get(name))] }
end

# Data was something else before 3.2.
DATA_TYPES = defined?(Sized) ? [Data] : []

def details(object)
  case object
  when String then { bytes: hex(object), encoding: object.encoding.name, valid: object.valid_encoding? }
  when Symbol then { bytes: hex(object.to_s), encoding: object.to_s.encoding.name }
  when Array then { elements: object.map { |element| reference(element) } }
  when Hash
    { pairs: object.map { |key, value| [reference(key), reference(value)] }, default: reference(object.default), default_proc: reference(object.default_proc),
      by_identity: object.compare_by_identity? }
  when Struct, *DATA_TYPES then { members: object.members.map { |name| [hex(name.to_s), reference(object.send(name))] } }
  when Range then { begin: reference(object.begin), end: reference(object.end), excludes_end: object.exclude_end? }
  when Integer then { number: object.to_s }
  when Float then { bits: [object].pack("G").unpack1("H*") }
  when Rational then { numerator: object.numerator.to_s, denominator: object.denominator.to_s }
  when Complex then { real: reference(object.real), imaginary: reference(object.imaginary) }
  when Regexp then { source: hex(object.source), options: object.options, encoding: object.encoding.name }
  when MatchData
    { string: reference(object.string), regexp: reference(object.regexp), names: object.names.map { |name| hex(name) },
      # Pairs of a start and a length, in bytes.
      groups: (0...object.size).map { |i| object[i] && [object.string[0...object.begin(i)].bytesize, object[i].bytesize] } }
  when Module then { name: object.name && hex(object.name), singleton: object.singleton_class?, ancestors: object.ancestors.first(3).map { |a| hex(a.inspect) } }
  when Time then { seconds: object.to_r.to_s, offset: object.utc_offset }
  when Encoding then { encoding: object.name }
  when Exception then { message: hex(object.message) }
  else {}
  end
end

Target.command("values") do |path|
  File.open(path, "w") do |file|
    VALUES.each do |name, object|
      line = { name: name, address: Target.address(object), class: object.class.name, type: Target.type(object), inspect: inspected(object), frozen: object.frozen?,
               ivars: ivars(object) }
      file.puts(line.merge(details(object)).to_json)
    end
  end
end

Target::COMMANDS["values"].call(File::NULL)
Target.serve
