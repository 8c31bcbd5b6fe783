# SPDX-License-Identifier: Apache-2.0
# The program that 'heapwalk ruby COMMAND demo' starts and reads. It makes some objects, says so, and ends when its
# standard input does, so also when whoever started it was killed.

module Shop
  VAT = 0.19

  class Book
    attr_reader :title

    def initialize(title, cents, tags)
      @title = title
      @cents = cents
      @tags = tags
    end

    def price
      (@cents * (1 + VAT)).round
    end
  end

  Cart = Struct.new(:customer, :books)

  BOOKS = Array.new(300) { |i| Book.new("Volume #{i} of the demo's encyclopædia", 995 + i, [:paper, "shelf #{i % 7}"]) }
  CARTS = Array.new(20) { |i| Cart.new("customer #{i}", BOOKS.sample(3, random: Random.new(i))) }
  INDEX = BOOKS.each_with_object({}) { |book, index| index[book.title] = book }
  DISCOUNT = ->(cart) { cart.books.size > 2 ? Rational(1, 20) : 0 }

  def self.serve(queue, greeting)
    served = 0
    while (cart = queue.pop)
      served += cart.books.sum(&:price)
    end
    [greeting, served]
  end
end

$orders = Queue.new
threads = Array.new(2) { |i| Thread.new { Shop.serve($orders, "till #{i}") } }
threads.each_with_index { |thread, i| thread.name = "till #{i}" }
Shop::CARTS.each { |cart| $orders << cart }
Thread.pass until $orders.empty? && threads.all?(&:stop?)
GC.start

$stdout.puts "READY #{Process.pid}"
$stdout.flush
$stdin.read
exit!(0)
