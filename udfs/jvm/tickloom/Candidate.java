package tickloom;

/** A trade that may give an open or a close its price. */
class Candidate {
  long priceHi; // the halves of an Int128, without an object of their own
  long priceLo;
  String venue; // null: unnumbered trades
  long sequence;
  long offset;
  int partition;
  Candidate next;

  final void set(String venue, long sequence, long offset, int partition, long priceHi, long priceLo) {
    this.venue = venue;
    this.sequence = sequence;
    this.offset = offset;
    this.partition = partition;
    this.priceHi = priceHi;
    this.priceLo = priceLo;
  }

  /** How another offset stands to this one's. */
  final int compareOffsets(long otherOffset, int otherPartition) {
    int order = Long.compare(otherOffset, offset);
    return Integer.signum(order != 0 ? order : Integer.compare(otherPartition, partition));
  }
}
